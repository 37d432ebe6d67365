import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { RecordedRequest } from '../local/simulated-gemini/simulated-gemini.js';
import { AppProcess } from './support/app-process.js';
import { type Accepted, aPrompt, aRoom, aUser, type SignedIn, theReply } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

let app: TestApp;
let second: AppProcess;
let redis: Redis;
let user: SignedIn;
let other: SignedIn;

beforeAll(async () => {
  app = await startTestApp({ BASIC_DAILY_PROMPTS: '100' });
  second = await AppProcess.start({ ...app.env, PROCESS_ROLE: 'worker' });
  redis = openRedis(app.redis.url);
  [user, other] = await Promise.all([aUser(app, { tier: 'pro' }), aUser(app)]);
});
afterEach(async () => {
  await redis.del('{queue}:replies:limiter');
});
afterAll(async () => {
  redis.disconnect();
  await second.kill();
  await app.stop();
});

const send = async (from: SignedIn, content: string): Promise<Accepted> =>
  aPrompt(app, from, await aRoom(app, from), content);

const callsOf = (...prompts: string[]): RecordedRequest[] =>
  app.gemini.requests.filter(({ body }) => prompts.includes(body.contents?.at(-1)?.parts[0]?.text ?? ''));

/** The pause is a count of jobs that no queue reaches. */
const isPaused = async (): Promise<boolean> => Number(await redis.get('{queue}:replies:limiter')) > 2 ** 31;

it('a rate limit with a word on how long keeps all calls of all workers back for that long', async () => {
  const limited = await send(user, '[[429 1.5 x1]] a');
  await until('the queue is paused', isPaused);
  const contents = Array.from({ length: 12 }, (_, n) => `elsewhere ${n}`);
  const sent = await Promise.all(contents.map((content, n) => send(n % 2 ? user : other, content)));
  for (const [n, accepted] of sent.entries()) {
    expect(await theReply(app, n % 2 ? user : other, accepted)).toMatchObject({ status: 'completed' });
  }
  expect(await theReply(app, user, limited)).toMatchObject({ status: 'completed' });
  const [refused, answered, ...more] = callsOf('[[429 1.5 x1]] a');
  expect(more).toEqual([]);
  const end = (refused?.at ?? 0) + 1500;
  expect(answered?.at).toBeGreaterThanOrEqual(end);
  const times = callsOf(...contents).map(({ at }) => at);
  expect(times).toHaveLength(contents.length);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(end);
});

it('a reply whose turn in the room comes during the pause waits too', async () => {
  const room = await aRoom(app, user);
  const first = await aPrompt(app, user, room, '[[slow 600000]] in the way');
  const next = await aPrompt(app, user, room, 'next turn');
  await until('the model is asked', () => callsOf('[[slow 600000]] in the way').length === 1);
  const limited = await send(user, '[[429 1.5 x1]] b');
  await until('the queue is paused', isPaused);
  await app.api.post(`${first.links.reply}/cancel`, undefined, { token: user.token });
  for (const accepted of [next, limited]) {
    expect(await theReply(app, user, accepted)).toMatchObject({ status: 'completed' });
  }
  const end = (callsOf('[[429 1.5 x1]] b')[0]?.at ?? Infinity) + 1500;
  expect(callsOf('next turn')[0]?.at).toBeGreaterThanOrEqual(end);
});

it.each([
  ['the limit of the day', '[[429-daily]] c', 1, 'MODEL_DAILY_QUOTA_EXHAUSTED'],
  ['a limit for longer than a minute', '[[429 61]] c', 1, 'MODEL_RATE_LIMITED'],
  ['a rate limit that does not say how long', '[[429]] c', 4, 'MODEL_RATE_LIMITED'],
])('%s keeps no other reply back', async (_what, content, calls, code) => {
  expect(await theReply(app, user, await send(user, content))).toMatchObject({ error: { code } });
  expect(callsOf(content)).toHaveLength(calls);
  expect(await isPaused()).toBe(false);
  expect(await theReply(app, other, await send(other, 'c'))).toMatchObject({ status: 'completed' });
});

it('a rate limit that the queue waits out is no try', async () => {
  await app.process.stop();
  await second.stop();
  await app.restart({ REPLY_MAX_ATTEMPTS: '1' });
  expect(await theReply(app, user, await send(user, '[[429 0.5 x3]] d'))).toMatchObject({
    status: 'completed',
  });
  expect(callsOf('[[429 0.5 x3]] d')).toHaveLength(4);
});

it('a worker stops at once while the queue is paused', async () => {
  await app.process.stop();
  await app.restart();
  const limited = await send(user, '[[429 50 x1]] e');
  await until('the queue is paused', isPaused);
  const began = performance.now();
  expect(await app.process.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(3000);

  // What was put back is owed as before; a Redis that has lost everything has lost the pause.
  await app.restart();
  const waiting = await send(other, 'e');
  expect(await isPaused()).toBe(true);
  await redis.flushall();
  expect(await theReply(app, other, waiting)).toMatchObject({ status: 'completed' });
  expect(await theReply(app, user, limited)).toMatchObject({ status: 'completed' });
});
