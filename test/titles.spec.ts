import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { aPrompt, aRoom, aUser, type Room, type SignedIn, theReply } from './support/factories.js';
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

const listed = async ({ id }: Room) =>
  (await app.api.get<{ data: Room[] }>('/v1/chatrooms?limit=100', user)).body.data.find(
    (room) => room.id === id,
  );

it('a room that was made without a title gets one from its first exchange, also in the list', async () => {
  const room = await aRoom(app, user, {});
  const newer = await aRoom(app, user, {});
  app.gemini.misbehave({ kind: 'slow', ms: 300 }, 1, TITLE_MODEL);
  const accepted = await anExchange(app, user, room, 'Why is the sky blue, and the sea as well?');
  // The page is cached from here on.
  expect((await listed(room))?.title).toBeNull();
  expect(await titled(app, user, room)).toBe('Why is the sky blue, and');
  await until('the list shows it', async () => (await listed(room))?.title === 'Why is the sky blue, and');

  const [call] = titleCalls(app, 'Why is the sky blue');
  expect(call?.body.contents?.map(({ role }) => role)).toEqual(['user', 'model', 'user']);
  expect(call?.body.generationConfig?.maxOutputTokens).toBe(512);
  await settled(redis, room, accepted);
  await settled(redis, room, await anExchange(app, user, room, 'Something else'));
  expect(titleCalls(app, 'Why is the sky blue')).toHaveLength(1);
  expect(await readRoom(app, user, room)).toMatchObject({ title: 'Why is the sky blue, and' });
  expect(await readRoom(app, user, newer)).toMatchObject({ title: null });
});

it('a title does not move the room in the list', async () => {
  app.gemini.misbehave({ kind: 'slow', ms: 300 }, 1, TITLE_MODEL);
  const room = await aRoom(app, user, {});
  await anExchange(app, user, room, 'Move me');
  const before = await readRoom(app, user, room);
  expect(before.title).toBeNull();
  await titled(app, user, room);
  expect((await readRoom(app, user, room)).lastActivityAt).toBe(before.lastActivityAt);
});

it('the model is shown the beginning of a long exchange', async () => {
  const room = await aRoom(app, user, {});
  await anExchange(app, user, room, `Long-winded ${'x'.repeat(9_000)}`);
  await titled(app, user, room);
  const [call] = titleCalls(app, 'Long-winded');
  expect(call?.body.contents?.[0]?.parts[0]?.text).toHaveLength(2000);
});

it('a title that the person chose when making the room is kept, and the model is not asked', async () => {
  const room = await aRoom(app, user, { title: 'Mine' });
  await settled(redis, room, await anExchange(app, user, room, 'Chosen before'));
  expect(titleCalls(app, 'Chosen before')).toEqual([]);
  expect(await readRoom(app, user, room)).toMatchObject({ title: 'Mine' });
});

it.each([
  ['set', 'Mine'],
  ['cleared', null],
])(
  'a title that the person %s while one is made is kept, also after the next exchange',
  async (what, title) => {
    app.gemini.misbehave({ kind: 'slow', ms: 500 }, 1, TITLE_MODEL);
    const room = await aRoom(app, user, {});
    const first = await anExchange(app, user, room, `To be ${what}`);
    await until('the model is asked', () => titleCalls(app, `To be ${what}`).length === 1);
    const patched = await app.api.patch<Room>(`/v1/chatrooms/${room.id}`, { title }, user);
    await settled(redis, room, first);
    expect(titleCalls(app, `To be ${what}`)[0]).toMatchObject({ aborted: false });
    expect(await readRoom(app, user, room)).toEqual(patched.body);
    expect(await listed(room)).toEqual(patched.body);
    await settled(redis, room, await anExchange(app, user, room, 'And again'));
    expect(await readRoom(app, user, room)).toMatchObject({ title });
    expect(titleCalls(app, `To be ${what}`)).toHaveLength(1);
  },
);

it('a title of the person that is cleared stays cleared', async () => {
  const room = await aRoom(app, user, { title: 'Mine' });
  await app.api.patch(`/v1/chatrooms/${room.id}`, { title: null }, user);
  await settled(redis, room, await anExchange(app, user, room, 'Cleared before'));
  expect(titleCalls(app, 'Cleared before')).toEqual([]);
  expect(await readRoom(app, user, room)).toMatchObject({ title: null });
});

it('pinning a room, or setting its model, while its title is made takes nothing from it', async () => {
  app.gemini.misbehave({ kind: 'slow', ms: 300 }, 1, TITLE_MODEL);
  const room = await aRoom(app, user, {});
  await anExchange(app, user, room, 'Pin me');
  await until('the model is asked', () => titleCalls(app, 'Pin me').length === 1);
  await app.api.patch(`/v1/chatrooms/${room.id}`, { pinned: true, model: 'gemini-3.8-flash' }, user);
  expect(await titled(app, user, room)).toBe('Pin me');
  expect(await readRoom(app, user, room)).toMatchObject({ pinned: true, model: 'gemini-3.8-flash' });
});

it('a title is charged to nobody', async () => {
  const basic = await aUser(app);
  const room = await aRoom(app, basic, {});
  const accepted = await aPrompt(app, basic, room, 'Free of charge');
  await theReply(app, basic, accepted);
  await settled(redis, room, accepted);
  expect(titleCalls(app, 'Free of charge')).toHaveLength(1);
  expect((await app.api.get('/v1/users/me/usage', basic)).body).toMatchObject({ used: 1, remaining: 4 });
  const { rows } = await app.database.query('SELECT id FROM prompt_charges WHERE user_id = $1', [basic.id]);
  expect(rows).toEqual([{ id: accepted.prompt.id }]);
});

it('a prompt that was blocked gives no title; the first one that is answered does', async () => {
  const room = await aRoom(app, user, {});
  await settled(redis, room, await anExchange(app, user, room, '[[block]] Unheard'));
  expect(titleCalls(app, 'Unheard')).toEqual([]);
  expect(await readRoom(app, user, room)).toMatchObject({ title: null });
  await anExchange(app, user, room, 'Heard');
  expect(await titled(app, user, room)).toBe('Heard');
});

it('a failure that was asked for in the first prompt is none of the title’s', async () => {
  const room = await aRoom(app, user, {});
  await anExchange(app, user, room, '[[503 x2]] Why is the sky blue?');
  expect(await titled(app, user, room)).toBe('Why is the sky blue?');
  expect(titleCalls(app, '[[503 x2]] Why')).toHaveLength(1);
});

it('TITLES_ENABLED=false leaves rooms as they were made', async () => {
  await app.process.stop();
  await app.restart({ TITLES_ENABLED: 'false' });
  const room = await aRoom(app, user, {});
  const { reply } = await anExchange(app, user, room, 'Off');
  await until('the worker is done', async () => (await redis.exists(`{queue}:replies:${reply.id}`)) === 0);
  expect(await redis.exists(`{queue}:titles:${room.id}`)).toBe(0);
  expect(titleCalls(app, 'Off')).toEqual([]);
  expect(await readRoom(app, user, room)).toMatchObject({ title: null });
});
