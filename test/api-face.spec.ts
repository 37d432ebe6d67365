import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anyProblem, theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

const FRONTEND = 'https://chat.example.org';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ FRONTEND_URL: `${FRONTEND}/app/` });
});
afterAll(() => app.stop());

describe('the documentation', () => {
  it('is a page of Swagger UI that its own policy lets run', async () => {
    const { status, headers, body } = await app.api.get<string>('/docs');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/html/);
    expect(body).toContain('swagger-ui');
    // Inline scripts are refused by the policy, so there must be none; every file it loads must be there.
    expect(headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(body).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>\s*\S/);
    const files = [...body.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect((await app.api.get(`/${file}`)).status).toBe(200);
  });

  it('is where a person lands who opens the bare address', async () => {
    const { status, headers } = await app.api.get('/');
    expect([status, headers.get('location')]).toEqual([302, '/docs']);
  });

  it('can be switched off', async () => {
    await app.process.kill();
    await app.restart({ DOCS_ENABLED: 'false' });
    for (const path of ['/', '/docs', '/docs/', '/docs/openapi.json', '/docs/openapi.yaml']) {
      theProblem(await app.api.get(path), 404, 'NOT_FOUND');
    }
    await app.process.kill();
    await app.restart();
  });
});

describe('the headers', () => {
  it('let answers and problems do nothing where they are shown as a page', async () => {
    for (const path of ['/health/live', '/nowhere', '/v1/users/me']) {
      const { headers } = await app.api.get(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('strict-transport-security')).toMatch(/max-age=\d{7,}/);
      expect(headers.get('content-security-policy')).toBe(`default-src 'none';frame-ancestors 'none'`);
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('server')).toBeNull();
    }
  });

  it.each([FRONTEND, 'https://evil.example', 'null'])(
    'allow the front end and nobody else: asked by %s',
    async (origin) => {
      const { headers } = await app.api.get('/health/live', { headers: { origin } });
      expect(headers.get('access-control-allow-origin')).toBe(FRONTEND);
      expect(headers.get('access-control-allow-credentials')).toBeNull();
    },
  );

  it.each([
    ['PATCH', '/v1/users/me'],
    ['DELETE', '/v1/chatrooms/0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d'],
    ['POST', '/v1/chatrooms'],
    ['GET', '/v1/chatrooms'],
  ])('let a browser of the front end send %s with a token', async (method, path) => {
    const { status, headers } = await app.api.send('OPTIONS', path, undefined, {
      headers: {
        origin: FRONTEND,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(FRONTEND);
    expect(headers.get('access-control-allow-methods')?.split(/, ?/)).toContain(method);
    expect(headers.get('access-control-allow-headers')?.split(/, ?/)).toEqual([
      'authorization',
      'content-type',
    ]);
  });

  it('let a browser read what a client needs, on problems too', async () => {
    const { headers } = await app.api.get('/v1/users/me', { headers: { origin: FRONTEND } });
    expect(headers.get('access-control-allow-origin')).toBe(FRONTEND);
    const exposed = headers.get('access-control-expose-headers') ?? '';
    for (const name of ['x-request-id', 'retry-after', 'ratelimit-remaining'])
      expect(exposed).toContain(name);
  });
});

describe('health', () => {
  it('says that the process runs, and that it can serve', async () => {
    expect(await app.api.get('/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await app.api.get('/health/ready')).toMatchObject({
      status: 200,
      body: { status: 'ok', checks: { postgres: 'up', redis: 'up' } },
    });
  });
});

describe('an error that nobody expected', () => {
  it('is a bare 500 with the id of the request, and is in the log once, with its cause', async () => {
    await app.database.query('ALTER TABLE users RENAME TO users_gone');
    try {
      const mobile = '+14155550199';
      const answer = await app.api.post('/v1/auth/login', { mobile, password: 'a passphrase' });
      const problem = theProblem(answer, 500, 'INTERNAL_ERROR');
      expect(Object.keys(problem).sort()).toEqual(['code', 'requestId', 'status', 'title', 'type']);

      const lines = await until('the request is in the log', () => {
        const found = app.process.logs.filter(({ requestId }) => requestId === problem.requestId);
        return found.some(({ msg }) => msg === 'request') && found;
      });
      const errors = lines.filter(({ level }) => level === 'error');
      expect(errors).toHaveLength(1);
      expect(errors[0]?.err).toMatchObject({ message: 'relation "users" does not exist', code: '42P01' });
      expect(JSON.stringify(errors)).not.toContain(mobile);
      expect(lines.find(({ msg }) => msg === 'request')).toMatchObject({
        req: { method: 'POST', path: '/v1/auth/login' },
        res: { status: 500 },
        ms: expect.any(Number),
      });
    } finally {
      await app.database.query('ALTER TABLE users_gone RENAME TO users');
    }
    const after = await app.api.post('/v1/auth/login', { mobile: '+14155550199', password: 'a passphrase' });
    theProblem(after, 401, 'INVALID_CREDENTIALS');
  });
});

it('logs one line a request, without its query, headers or body', async () => {
  const answer = await app.api.get('/v1/chatrooms?cursor=a-secret-in-the-query', { token: 'a-secret-token' });
  const { requestId } = anyProblem(answer);
  const [line, ...more] = await until('the request is in the log', () => {
    const found = app.process.logs.filter((it) => it.requestId === requestId);
    return found.length > 0 && found;
  });
  expect(more).toEqual([]);
  expect(line).toMatchObject({
    msg: 'request',
    req: { method: 'GET', path: '/v1/chatrooms' },
    res: { status: 401 },
  });
  expect(JSON.stringify(line)).not.toContain('a-secret');
});
