import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { SimulatedSms } from '../local/simulated-sms/simulated-sms.js';
import type { Answer } from './support/api.js';
import { aMobile, aUser } from './support/factories.js';
import { sentTo, startSms } from './support/messages.js';
import { theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

const PASSWORD = 'a9-Long~pass/word+of=operators';
const GUESSES_MAX = 30;

interface Board {
  queues: {
    name: string;
    counts: Record<string, number>;
    readOnlyMode: boolean;
    isPaused: boolean;
    jobs: { id: string; data: string | object }[];
  }[];
}

let app: TestApp;
let sms: SimulatedSms;
let redis: Redis;
beforeAll(async () => {
  sms = await startSms();
  app = await startTestApp({
    ...sentTo(sms),
    OTP_DELIVERY_RETRY_BASE_MS: '60000',
    ADMIN_USER: 'ops',
    ADMIN_PASSWORD: PASSWORD,
    TRUSTED_PROXIES: '127.0.0.1',
  });
  redis = openRedis(app.redis.url);
});
afterAll(async () => {
  redis.disconnect();
  await app.stop();
  await sms.close();
});

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

const ask = <T = string>(
  path = '',
  { authorization = basic('ops', PASSWORD), from = '203.0.113.1', method = 'GET' } = {},
): Promise<Answer<T>> =>
  app.api.send<T>(method, `/admin/queues${path}`, undefined, {
    headers: { 'x-forwarded-for': from, ...(authorization === '' ? {} : { authorization }) },
  });

const theBoard = async (query = ''): Promise<Board> => {
  const { status, body } = await ask<Board>(`/api/queues${query}`);
  expect(status).toBe(200);
  return body;
};

describe('with its credentials', () => {
  it('shows the page with everything that it loads', async () => {
    const page = await ask();
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    const parts = [...page.body.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(parts.length).toBeGreaterThan(4);
    for (const part of parts) expect((await ask(`/${part}`)).status).toBe(200);
    // The font from elsewhere is not.
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'self';style-src 'self' 'unsafe-inline'/,
    );
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect((await ask('/queue/replies')).status).toBe(200);
  });

  it('lists every queue that there is, to look at', async () => {
    const { queues } = await theBoard();
    const made = new Set((await redis.keys('{queue}:*:meta')).map((key) => key.split(':')[1]));
    expect(new Set(queues.map(({ name }) => name))).toEqual(made);
    expect(queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true);
  });

  it.each([
    ['PUT', '/api/queues/pause'],
    ['PUT', '/api/queues/replies/pause'],
    ['PUT', '/api/queues/replies/empty'],
    ['PUT', '/api/queues/replies/obliterate'],
    ['POST', '/api/queues/replies/add'],
  ])('does nothing on %s %s', async (method, path) => {
    theProblem(await ask(path, { method }), 404, 'NOT_FOUND');
    expect((await theBoard()).queues.some(({ isPaused }) => isPaused)).toBe(false);
  });

  it('shows no number and no address of who waits for a code', async () => {
    sms.misbehave('fail');
    const mobile = aMobile();
    const sent = await app.api.post(
      '/v1/auth/send-otp',
      { mobile },
      { headers: { 'x-forwarded-for': '198.51.100.7' } },
    );
    expect(sent.status).toBe(200);
    const job = await until('the delivery waits for its next try', async () => {
      const { queues } = await theBoard('?activeQueue=otp-deliveries&status=delayed');
      return queues.find(({ name }) => name === 'otp-deliveries')?.jobs[0];
    });
    expect(job.data).toEqual({
      purpose: 'sign-in',
      mobile: `${mobile.slice(0, 3)}*******${mobile.slice(-2)}`,
    });
    const whole = JSON.stringify([job, (await ask(`/api/queues/otp-deliveries/${job.id}`)).body]);
    expect(whole).toContain(job.id);
    for (const secret of [mobile, '198.51.100.7']) expect(whole).not.toContain(secret);
  });
});

describe('without them', () => {
  it.each([
    ['nothing', ''],
    ['another password', basic('ops', `${PASSWORD}x`)],
    ['another user', basic('admin', PASSWORD)],
    ['no password', basic('ops', '')],
    ['no colon', `Basic ${Buffer.from('ops').toString('base64')}`],
    ['no base64', 'Basic %%%'],
    ['another scheme', `Bearer ${PASSWORD}`],
  ])('%s: asks for them, and shows nothing', async (_what, authorization) => {
    for (const path of ['', '/', '/queue/replies', '/api/queues', '/static/images/logo.svg']) {
      const answer = await ask(path, { authorization, from: '203.0.113.2' });
      theProblem(answer, 401, 'UNAUTHENTICATED');
      expect(answer.headers.get('www-authenticate')).toBe('Basic realm="Operators", charset="UTF-8"');
    }
    await redis.del('operator-guesses-from:{203.0.113.2}');
  });

  it('a person’s access token opens nothing, and these open nothing of a person’s', async () => {
    sms.misbehave(null);
    const token = await theToken();
    theProblem(
      await ask('', { authorization: `Bearer ${token}`, from: '203.0.113.3' }),
      401,
      'UNAUTHENTICATED',
    );
    const me = await app.api.get('/v1/users/me', { headers: { authorization: basic('ops', PASSWORD) } });
    theProblem(me, 401, 'UNAUTHENTICATED');
    expect(me.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('guesses are limited by address, also when they come at once; then even the right one is refused', async () => {
    const from = '203.0.113.4';
    const guesses = await Promise.all(
      Array.from({ length: GUESSES_MAX + 10 }, (_, n) =>
        ask('', { authorization: basic('ops', `guess ${n}`), from }),
      ),
    );
    const statuses = guesses.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(GUESSES_MAX);
    expect(statuses.filter((status) => status === 429)).toHaveLength(10);
    const right = await ask('', { from });
    theProblem(right, 429, 'TOO_MANY_REQUESTS');
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(800);
    expect((await ask('', { from: '203.0.113.5' })).status).toBe(200);
    const warned = app.process.logs.filter(({ context, ip }) => context === 'OperatorAccess' && ip === from);
    expect(warned).toHaveLength(GUESSES_MAX);
    expect(JSON.stringify(app.process.logs)).not.toMatch(/guess \d/);
  });

  it('right ones count for nothing, however many come', async () => {
    const from = '203.0.113.6';
    for (let n = 0; n < GUESSES_MAX + 5; n += 1)
      expect((await ask('/api/queues', { from })).status).toBe(200);
  });
});

it('is in no document for app developers', async () => {
  const { body } = await app.api.get<{ paths: object }>('/docs/openapi.json');
  expect(Object.keys(body.paths).filter((path) => path.startsWith('/admin'))).toEqual([]);
});

it('is not there until there is a password', async () => {
  await app.process.stop();
  await app.restart({ ADMIN_PASSWORD: '' });
  for (const path of ['', '/', '/api/queues', '/static/images/logo.svg']) {
    theProblem(await ask(path), 404, 'NOT_FOUND');
  }
});

async function theToken(): Promise<string> {
  await app.process.stop();
  await app.restart({ OTP_DELIVERY: 'response' });
  return (await aUser(app)).token;
}
