import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aRoom, aUser, type Room, type SignedIn } from './support/factories.js';
import { anyProblem, pathsOf, theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';

let app: TestApp;
let user: SignedIn;
let room: Room;
beforeAll(async () => {
  app = await startTestApp();
  user = await aUser(app);
  room = await aRoom(app, user);
});
afterAll(() => app.stop());

const send = (method: string, route: string) =>
  app.api.send(method, route.replace(':room', room.id), undefined, { token: user.token });

describe('ids in paths', () => {
  it.each([
    ['a number', '1'],
    ['a word', 'null'],
    ['one digit short', '199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d'],
    ['SQL', "'%20OR%201=1"],
    ['a NUL', '%00'],
    ['a space', '%20'],
    ['99 characters', 'x'.repeat(99)],
    ['5,000 characters', 'x'.repeat(5000)],
  ])('that are no UUID are refused: %s', async (_what, id) => {
    for (const route of [id, `${id}/messages`, `:room/messages/${id}`]) {
      expect(anyProblem(await send('GET', `/v1/chatrooms/${route}`)).status).toBe(400);
    }
  });

  it('names the parameter that is none', async () => {
    const problem = theProblem(await send('GET', '/v1/chatrooms/5'), 400, 'VALIDATION_FAILED');
    expect(problem.errors).toEqual([{ path: 'id', message: 'id must be a UUID' }]);
  });
});

describe('queries of lists', () => {
  const LISTS = ['/v1/chatrooms', '/v1/chatrooms/:room/messages'];

  it.each(['0', '-1', '101', '1.5', 'ten', '', ' ', '1e9', 'NaN', 'Infinity', '5&limit=6', '%00'])(
    'refuse a limit of %j',
    async (limit) => {
      for (const list of LISTS) {
        const answer = await send('GET', `${list}?limit=${limit}`);
        expect(answer.status).toBe(400);
        expect(pathsOf(anyProblem(answer))).toEqual(['limit']);
      }
    },
  );

  it.each(['x', '', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAA', '%F0%9F%98%80', 'a%2Bb', '../../etc/passwd'])(
    'refuse a cursor that nobody was given: %j',
    async (cursor) => {
      for (const list of LISTS) {
        theProblem(await send('GET', `${list}?cursor=${cursor}`), 400, 'INVALID_CURSOR');
      }
    },
  );

  it.each([
    ['too long a cursor', `cursor=${'x'.repeat(501)}`, 'cursor'],
    ['two cursors', 'cursor=a&cursor=b', 'cursor'],
    ['an unknown parameter', 'offset=5', 'offset'],
  ])('refuse %s', async (_what, query, name) => {
    for (const list of LISTS) {
      const problem = theProblem(await send('GET', `${list}?${query}`), 400, 'VALIDATION_FAILED');
      expect(pathsOf(problem)).toEqual([name]);
    }
  });

  it.each(['-1', '31', 'x', '1.5'])('refuse a wait of %j', async (wait) => {
    const route = `/v1/chatrooms/:room/messages/${room.id}?wait=${wait}`;
    expect(pathsOf(theProblem(await send('GET', route), 400, 'VALIDATION_FAILED'))).toEqual(['wait']);
  });
});

describe('routes that do not exist', () => {
  it.each([
    ['GET', '/v1'],
    ['GET', '/v2/users/me'],
    ['GET', '/v1/users/me/secrets'],
    ['GET', '/v1//users/me'],
    ['GET', '/%2e%2e/etc/passwd'],
    ['GET', '/.env'],
    ['DELETE', '/v1/users/me/usage'],
    ['PUT', '/v1/users/me'],
    ['POST', '/v1/users/me'],
    ['GET', '/v1/auth/login'],
    ['PATCH', '/v1/chatrooms'],
    ['GET', '/webhook/stripe'],
    ['PROPFIND', '/v1/chatrooms'],
  ])('are a 404: %s %s', async (method, route) => {
    theProblem(await send(method, route), 404, 'NOT_FOUND');
  });

  it.each(['/%', '/v1/%zz', '/v1/chatrooms/%E0%A4%A', '/v1/chatrooms/%C0%AF', '/v1/chatrooms/%ED%A0%80'])(
    'nor does what cannot be decoded: %s',
    async (route) => {
      theProblem(await send('GET', route), 400, 'MALFORMED_REQUEST');
    },
  );
});

describe('what is no HTTP that we read', () => {
  it.each([
    [
      'headers of 100 KB',
      `GET /health/live HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`,
      431,
    ],
    ['an unknown method', 'FROBNICATE / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['no HTTP at all', 'hello\r\n\r\n', 400],
  ])('is answered by a problem document as well: %s', async (_what, request, status) => {
    const answer = await raw(request);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/\r\ncontent-type: application\/problem\+json/i);
    const problem = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as {
      status: number;
      requestId: string;
    };
    expect(problem).toMatchObject({ status, code: expect.any(String), title: expect.any(String) });
    expect(answer.toLowerCase()).toContain(`x-request-id: ${problem.requestId}`);
  });
});

describe('the request id', () => {
  const ask = (id: string) => app.api.get('/v1/users/me', { headers: { 'x-request-id': id } });

  it.each(['a', 'trace-1.2_3', '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d', 'x'.repeat(64)])(
    'of a caller is kept when it is harmless: %s',
    async (id) => {
      const answer = await ask(id);
      expect(theProblem(answer, 401, 'UNAUTHENTICATED').requestId).toBe(id);
    },
  );

  it.each(['', ' ', 'a b', 'x'.repeat(65), '<script>', '"}', '../..', 'é', 'a,b'])(
    'of a caller is replaced when it is not: %s',
    async (id) => {
      const { requestId } = theProblem(await ask(id), 401, 'UNAUTHENTICATED');
      expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('is new for every request without one', async () => {
    const ids = await Promise.all(
      [1, 2, 3].map(async () => anyProblem(await app.api.get('/nowhere')).requestId),
    );
    expect(new Set(ids).size).toBe(3);
  });
});

it('was none of it our fault', () => {
  expect(app.process.logs.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
});

/** What the application answers to bytes that no client library would send. */
function raw(request: string): Promise<string> {
  const { port, hostname } = new URL(app.api.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(request));
    let answer = '';
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('error', reject);
    socket.on('close', () => {
      resolve(answer);
    });
  });
}
