import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { RecordedRequest } from '../local/simulated-gemini/simulated-gemini.js';
import {
  type Accepted,
  aPrompt,
  aRoom,
  aUser,
  type Room,
  type SignedIn,
  theReply,
} from './support/factories.js';
import { isCharged } from './support/outcomes.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

/** No room here uses it. */
const TITLE_MODEL = 'gemini-3.5-flash-lite';

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

const titleCalls = (said = ''): RecordedRequest[] =>
  app.gemini.requests.filter(
    ({ model, body }) => model === TITLE_MODEL && body.contents?.[0]?.parts[0]?.text?.includes(said),
  );

const read = async ({ id }: Room) => (await app.api.get<Room>(`/v1/chatrooms/${id}`, user)).body;

const listed = async ({ id }: Room) =>
  (await app.api.get<{ data: Room[] }>('/v1/chatrooms?limit=100', user)).body.data.find(
    (room) => room.id === id,
  );

const titled = (room: Room) => until('the room has a title', async () => (await read(room)).title);

/** A prompt that was answered, or not: its reply is final. */
async function anExchange(room: Room, content: string): Promise<Accepted> {
  const accepted = await aPrompt(app, user, room, content);
  await theReply(app, user, accepted);
  return accepted;
}

/** Once the worker is done with the reply, and with the title that it may have asked for. */
const settled = (room: Room, { reply }: Accepted) =>
  until('nothing is left to do', async () => {
    for (const job of [`replies:${reply.id}`, `titles:${room.id}`])
      if ((await redis.exists(`{queue}:${job}`)) === 1) return false;
    return true;
  });

it('a room that was made without a title gets one from its first exchange, also in the list', async () => {
  const room = await aRoom(app, user, {});
  const newer = await aRoom(app, user, {});
  app.gemini.misbehave({ kind: 'slow', ms: 300 }, 1, TITLE_MODEL);
  const accepted = await anExchange(room, 'Why is the sky blue, and the sea as well?');
  // The page is cached from here on.
  expect((await listed(room))?.title).toBeNull();
  expect(await titled(room)).toBe('Why is the sky blue, and');
  await until('the list shows it', async () => (await listed(room))?.title === 'Why is the sky blue, and');

  const [call] = titleCalls('Why is the sky blue');
  expect(call?.body.contents?.map(({ role }) => role)).toEqual(['user', 'model', 'user']);
  expect(call?.body.generationConfig?.maxOutputTokens).toBe(512);
  await settled(room, accepted);
  await settled(room, await anExchange(room, 'Something else'));
  expect(titleCalls('Why is the sky blue')).toHaveLength(1);
  expect(await read(room)).toMatchObject({ title: 'Why is the sky blue, and' });
  expect(await read(newer)).toMatchObject({ title: null });
});

it('a title does not move the room in the list', async () => {
  app.gemini.misbehave({ kind: 'slow', ms: 300 }, 1, TITLE_MODEL);
  const room = await aRoom(app, user, {});
  await anExchange(room, 'Move me');
  const before = await read(room);
  expect(before.title).toBeNull();
  await titled(room);
  expect((await read(room)).lastActivityAt).toBe(before.lastActivityAt);
});

it('the model is shown the beginning of a long exchange', async () => {
  const room = await aRoom(app, user, {});
  await anExchange(room, `Long-winded ${'x'.repeat(9_000)}`);
  await titled(room);
  const [call] = titleCalls('Long-winded');
  expect(call?.body.contents?.[0]?.parts[0]?.text).toHaveLength(2000);
});

it('a title that the person chose when making the room is kept, and the model is not asked', async () => {
  const room = await aRoom(app, user, { title: 'Mine' });
  await settled(room, await anExchange(room, 'Chosen before'));
  expect(titleCalls('Chosen before')).toEqual([]);
  expect(await read(room)).toMatchObject({ title: 'Mine' });
});

it.each([
  ['set', 'Mine'],
  ['cleared', null],
])(
  'a title that the person %s while one is made is kept, also after the next exchange',
  async (what, title) => {
    app.gemini.misbehave({ kind: 'slow', ms: 500 }, 1, TITLE_MODEL);
    const room = await aRoom(app, user, {});
    const first = await anExchange(room, `To be ${what}`);
    await until('the model is asked', () => titleCalls(`To be ${what}`).length === 1);
    const patched = await app.api.patch<Room>(`/v1/chatrooms/${room.id}`, { title }, user);
    await settled(room, first);
    expect(titleCalls(`To be ${what}`)[0]).toMatchObject({ aborted: false });
    expect(await read(room)).toEqual(patched.body);
    expect(await listed(room)).toEqual(patched.body);
    await settled(room, await anExchange(room, 'And again'));
    expect(await read(room)).toMatchObject({ title });
    expect(titleCalls(`To be ${what}`)).toHaveLength(1);
  },
);

it('a title of the person that is cleared stays cleared', async () => {
  const room = await aRoom(app, user, { title: 'Mine' });
  await app.api.patch(`/v1/chatrooms/${room.id}`, { title: null }, user);
  await settled(room, await anExchange(room, 'Cleared before'));
  expect(titleCalls('Cleared before')).toEqual([]);
  expect(await read(room)).toMatchObject({ title: null });
});

it('pinning a room, or setting its model, while its title is made takes nothing from it', async () => {
  app.gemini.misbehave({ kind: 'slow', ms: 300 }, 1, TITLE_MODEL);
  const room = await aRoom(app, user, {});
  await anExchange(room, 'Pin me');
  await until('the model is asked', () => titleCalls('Pin me').length === 1);
  await app.api.patch(`/v1/chatrooms/${room.id}`, { pinned: true, model: 'gemini-3.8-flash' }, user);
  expect(await titled(room)).toBe('Pin me');
  expect(await read(room)).toMatchObject({ pinned: true, model: 'gemini-3.8-flash' });
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
    await settled(room, first);
    expect(titleCalls(`When it ${how}`)).toHaveLength(calls);
    expect(await isCharged(app.database, first)).toBe(true);
    expect(await read(room)).toMatchObject({ title: null });
    const loud = app.process.logs.slice(logged).filter(({ level }) => level !== 'debug' && level !== 'info');
    expect(loud.map(({ level }) => level)).toEqual(fault.kind === 'empty' ? [] : ['warn']);

    app.gemini.behave();
    await anExchange(room, 'Once more');
    expect(await titled(room)).toBe(`When it ${how}`);
  },
);

it('a title that was on its way when Redis lost everything comes with the next exchange', async () => {
  app.gemini.misbehave({ kind: 'unavailable' }, 1, TITLE_MODEL);
  await app.process.kill();
  await app.restart({ REPLY_RETRY_BASE_MS: '60000' });
  const room = await aRoom(app, user, {});
  await anExchange(room, 'Lost');
  await until('the first try failed', () => titleCalls('Lost').length === 1);
  await redis.flushall();
  await anExchange(room, 'Found');
  expect(await titled(room)).toBe('Lost');
  await app.process.kill();
  await app.restart();
});

it('a title is charged to nobody', async () => {
  const basic = await aUser(app);
  const room = await aRoom(app, basic, {});
  const accepted = await aPrompt(app, basic, room, 'Free of charge');
  await theReply(app, basic, accepted);
  await settled(room, accepted);
  expect(titleCalls('Free of charge')).toHaveLength(1);
  expect((await app.api.get('/v1/users/me/usage', basic)).body).toMatchObject({ used: 1, remaining: 4 });
  const { rows } = await app.database.query('SELECT id FROM prompt_charges WHERE user_id = $1', [basic.id]);
  expect(rows).toEqual([{ id: accepted.prompt.id }]);
});

it('a prompt that was blocked gives no title; the first one that is answered does', async () => {
  const room = await aRoom(app, user, {});
  await settled(room, await anExchange(room, '[[block]] Unheard'));
  expect(titleCalls('Unheard')).toEqual([]);
  expect(await read(room)).toMatchObject({ title: null });
  await anExchange(room, 'Heard');
  expect(await titled(room)).toBe('Heard');
});

it('a failure that was asked for in the first prompt is none of the title’s', async () => {
  const room = await aRoom(app, user, {});
  await anExchange(room, '[[503 x2]] Why is the sky blue?');
  expect(await titled(room)).toBe('Why is the sky blue?');
  expect(titleCalls('[[503 x2]] Why')).toHaveLength(1);
});

it('no reply waits for a title, however many hang', async () => {
  app.gemini.misbehave({ kind: 'hang' }, Infinity, TITLE_MODEL);
  const rooms = await Promise.all(Array.from({ length: 12 }, () => aRoom(app, user, {})));
  for (const n of [1, 2]) await Promise.all(rooms.map((room) => anExchange(room, `Patience ${n}`)));
  await until('some titles hang', () => titleCalls('Patience').length > 2);
  // Not all of them: they have their own few slots.
  expect(titleCalls('Patience')).toHaveLength(8);
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
  const accepted = await anExchange(room, 'Soon gone');
  await until('the model is asked', () => titleCalls('Soon gone').length === 1);
  expect((await app.api.delete(`/v1/chatrooms/${room.id}`, user)).status).toBe(204);
  await settled(room, accepted);
  expect((await app.api.get(`/v1/chatrooms/${room.id}`, user)).status).toBe(404);
  expect(app.process.logs.slice(logged).filter(({ level }) => level === 'warn' || level === 'error')).toEqual(
    [],
  );
});

it('a stop hands a title back that does not come in its grace, and the next process makes it', async () => {
  await app.process.stop();
  await app.restart({ SHUTDOWN_GRACE_MS: '50' });
  app.gemini.misbehave({ kind: 'hang' }, 1, TITLE_MODEL);
  const room = await aRoom(app, user, {});
  await anExchange(room, 'Handed back');
  await until('the model is asked', () => titleCalls('Handed back').length === 1);
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
  expect(await titled(room)).toBe('Handed back');
});

it('TITLES_ENABLED=false leaves rooms as they were made', async () => {
  await app.process.stop();
  await app.restart({ TITLES_ENABLED: 'false' });
  const room = await aRoom(app, user, {});
  const { reply } = await anExchange(room, 'Off');
  await until('the worker is done', async () => (await redis.exists(`{queue}:replies:${reply.id}`)) === 0);
  expect(await redis.exists(`{queue}:titles:${room.id}`)).toBe(0);
  expect(titleCalls('Off')).toEqual([]);
  expect(await read(room)).toMatchObject({ title: null });
});
