import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { aPrompt, aRoom, aUser, type SignedIn, theReply } from './support/factories.js';
import { isCharged } from './support/outcomes.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { anExchange, readRoom, settled, TITLE_MODEL, titleCalls, titled } from './support/titles.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

let app: TestApp;
let user: SignedIn;
let redis: Redis;

beforeAll(async () => {
  app = await startTestApp({ TITLES_ENABLED: 'true', REPLY_CONCURRENCY: '2' });
  user = await aUser(app, { tier: 'pro' });
  redis = openRedis(app.redis.url);
});
afterEach(() => {
  app.gemini.behave();
});
afterAll(async () => {
  redis.disconnect();
  await app.stop();
});

it.each<[string, Parameters<TestApp['gemini']['misbehave']>[0], calls: number]>([
  ['is overloaded', { kind: 'unavailable' }, 3],
  ['limits the rate', { kind: 'rate-limited', retryAfterSeconds: 40 }, 1],
  ['breaks off', { kind: 'truncated' }, 3],
  ['has no quota', { kind: 'daily-quota' }, 1],
  ['refuses the conversation', { kind: 'blocked-prompt' }, 1],
  ['takes its answer back', { kind: 'blocked-answer' }, 1],
  ['knows no such call', { kind: 'invalid' }, 1],
  ['says nothing', { kind: 'empty' }, 1],
])(
  'a title model that %s costs the reply nothing, and the next exchange asks again',
  async (how, fault, calls) => {
    app.gemini.misbehave(fault, Infinity, TITLE_MODEL);
    const logged = app.process.logs.length;
    const room = await aRoom(app, user, {});
    const first = await aPrompt(app, user, room, `When it ${how}`);
    expect(await theReply(app, user, first)).toMatchObject({ status: 'completed' });
    await settled(redis, room, first);
    expect(titleCalls(app, `When it ${how}`)).toHaveLength(calls);
    expect(await isCharged(app.database, first)).toBe(true);
    expect(await readRoom(app, user, room)).toMatchObject({ title: null });
    const loud = app.process.logs.slice(logged).filter(({ level }) => level !== 'debug' && level !== 'info');
    expect(loud.map(({ level }) => level)).toEqual(fault.kind === 'empty' ? [] : ['warn']);

    app.gemini.behave();
    await anExchange(app, user, room, 'Once more');
    expect(await titled(app, user, room)).toBe(`When it ${how}`);
  },
);

it('a title that was on its way when Redis lost everything comes with the next exchange', async () => {
  app.gemini.misbehave({ kind: 'unavailable' }, 1, TITLE_MODEL);
  await app.process.kill();
  await app.restart({ REPLY_RETRY_BASE_MS: '60000' });
  const room = await aRoom(app, user, {});
  await anExchange(app, user, room, 'Lost');
  await until('the first try failed', () => titleCalls(app, 'Lost').length === 1);
  await redis.flushall();
  await anExchange(app, user, room, 'Found');
  expect(await titled(app, user, room)).toBe('Lost');
  await app.process.kill();
  await app.restart();
});

it('no reply waits for a title, however many hang', async () => {
  app.gemini.misbehave({ kind: 'hang' }, Infinity, TITLE_MODEL);
  const rooms = await Promise.all(Array.from({ length: 12 }, () => aRoom(app, user, {})));
  for (const n of [1, 2])
    await Promise.all(rooms.map((room) => anExchange(app, user, room, `Patience ${n}`)));
  await until('some titles hang', () => titleCalls(app, 'Patience').length > 2);
  // Not all of them: they have their own few slots.
  expect(titleCalls(app, 'Patience')).toHaveLength(8);
  await app.process.kill();
  await app.database.query('DELETE FROM chatrooms WHERE id = ANY($1)', [rooms.map(({ id }) => id)]);
  await redis.flushall();
  app.gemini.behave();
  await app.restart();
});

it('a room that is deleted while its title is made: nothing happens', async () => {
  app.gemini.misbehave({ kind: 'slow', ms: 300 }, 1, TITLE_MODEL);
  const logged = app.process.logs.length;
  const room = await aRoom(app, user, {});
  const accepted = await anExchange(app, user, room, 'Soon gone');
  await until('the model is asked', () => titleCalls(app, 'Soon gone').length === 1);
  expect((await app.api.delete(`/v1/chatrooms/${room.id}`, user)).status).toBe(204);
  await settled(redis, room, accepted);
  expect((await app.api.get(`/v1/chatrooms/${room.id}`, user)).status).toBe(404);
  // What a Redis for tests does not keep may be said at any moment after the start.
  const said = app.process.logs.slice(logged).filter(({ context }) => context !== 'Redis');
  expect(said.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
});

it('a stop hands a title back that does not come in its grace, and the next process makes it', async () => {
  await app.process.stop();
  await app.restart({ SHUTDOWN_GRACE_MS: '50' });
  app.gemini.misbehave({ kind: 'hang' }, 1, TITLE_MODEL);
  const room = await aRoom(app, user, {});
  await anExchange(app, user, room, 'Handed back');
  await until('the model is asked', () => titleCalls(app, 'Handed back').length === 1);
  const began = performance.now();
  expect(await app.process.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(3000);
  expect(
    app.process.logs.filter(
      ({ level, stderr, context }) =>
        // That the Redis of a test keeps nothing on disk is as it should be.
        level === 'error' || (level === 'warn' && context !== 'Redis') || stderr !== undefined,
    ),
  ).toEqual([]);
  await app.restart();
  expect(await titled(app, user, room)).toBe('Handed back');
});
