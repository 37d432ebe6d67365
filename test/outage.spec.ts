import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aMobile, aPrompt, aRoom, aUser, type SignedIn, theReply } from './support/factories.js';
import { ReplyStream } from '../src/streaming/reply-stream.js';
import { type CuttableLine, layLine } from './support/cuttable-line.js';
import { layRedisLine } from './support/engines.js';
import { theProblem } from './support/problem.js';
import { login, me, theCode } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

/** A request during an outage is answered within this: nobody's app hangs. */
const ANSWER_MS = 10_000;
const PASSWORD = 'a passphrase of mine';

let app: TestApp;
let user: SignedIn;
let redis: Redis;
let lines: Record<'redis' | 'postgres', CuttableLine>;
beforeAll(async () => {
  app = await startTestApp();
  redis = openRedis(app.redis.url);
  lines = { redis: await layRedisLine(app.redis), postgres: await layLine(app.env.DATABASE_URL ?? '') };
  await app.process.kill();
  await app.restart({ REDIS_URL: lines.redis.url, DATABASE_URL: lines.postgres.url });
  user = await aUser(app);
  await aRoom(app, user);
});
afterAll(async () => {
  redis.disconnect();
  await app.stop();
  await Promise.all([lines.redis.cut(), lines.postgres.cut()]);
});

const ready = () => app.api.get<{ checks: object }>('/health/ready');

async function expectOutage(
  send: () => Promise<{ status: number; headers: Headers; body: unknown }>,
): Promise<void> {
  const from = Date.now();
  const answer = await send();
  expect(Date.now() - from).toBeLessThan(ANSWER_MS);
  theProblem(answer, 503, 'SERVICE_UNAVAILABLE');
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
}

describe.each(['redis', 'postgres'] as const)('without %s', (part) => {
  it('the process lives but is not ready, requests are answered 503, and all is well when it is back', async () => {
    await lines[part].cut();
    try {
      const unready = await ready();
      expect(unready).toMatchObject({ status: 503, body: { status: 'down', checks: { [part]: 'down' } } });
      expect((await app.api.get('/health/live')).status).toBe(200);
      await expectOutage(() => me(app, user.token));
      await expectOutage(() => app.api.post('/v1/chatrooms', { title: 'x' }, { token: user.token }));
      await expectOutage(() => app.api.post('/v1/auth/verify-otp', { mobile: aMobile(), otp: '123456' }));
      await expectOutage(() => login(app, user.mobile, PASSWORD));
    } finally {
      await lines[part].mend();
    }
    await until('it is ready again', async () => (await ready()).status === 200);
    expect((await me(app, user.token)).status).toBe(200);
    await theCode(app, aMobile());
  });

  it('a password is either changed, with every session ended, or not at all', async () => {
    const member = await aUser(app);
    const change = (token: string, body: object) =>
      app.api.post<{ accessToken: string }>('/v1/auth/change-password', body, { token });
    const { accessToken } = (await change(member.token, { newPassword: PASSWORD })).body;
    expect((await me(app, accessToken)).status).toBe(200);
    await lines[part].cut();
    try {
      await expectOutage(() =>
        change(accessToken, { currentPassword: PASSWORD, newPassword: 'another one' }),
      );
    } finally {
      await lines[part].mend();
    }
    await until('it is ready again', async () => (await ready()).status === 200);
    expect((await login(app, member.mobile, PASSWORD)).status).toBe(200);
    expect((await me(app, accessToken)).status).toBe(200);
  });
});

it('a Redis that hangs is an outage, not a request that hangs', async () => {
  app.redis.freeze();
  try {
    expect(await ready()).toMatchObject({ status: 503, body: { checks: { postgres: 'up', redis: 'down' } } });
    await expectOutage(() => me(app, user.token));
  } finally {
    app.redis.thaw();
  }
  await until('it is ready again', async () => (await ready()).status === 200);
  expect((await me(app, user.token)).status).toBe(200);
});

it('a reply that is written while Redis is away for a moment is in its stream whole, and once', async () => {
  app.gemini.pace({ firstTokenMs: 0, chunkMs: 40 });
  const room = await aRoom(app, user);
  const accepted = await aPrompt(app, user, room, 'a few words more '.repeat(60));
  const stream = new ReplyStream(redis);
  const { id } = accepted.reply;
  await until('some of it is there', async () => (await stream.text(id)).length > 50);
  await lines.redis.cut();
  await until('it is noticed', () => app.process.logs.some(({ replyId }) => replyId === id));
  await lines.redis.mend();
  await until('it is ready again', async () => (await ready()).status === 200);
  const { content } = await theReply(app, user, accepted);
  expect(await stream.text(id)).toBe(content);
});
