import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { aPrompt, aRoom, aUser, type Room, type SignedIn } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { openRedis } from './support/whole-redis.js';

let app: TestApp;
let redis: Redis;

beforeAll(async () => {
  app = await startTestApp();
  redis = openRedis(app.redis.url);
});
afterAll(async () => {
  redis.disconnect();
  await app.stop();
});

async function titles(user: SignedIn, query = ''): Promise<(string | null)[]> {
  const { status, body } = await app.api.get<{ data: Room[] }>(`/v1/chatrooms${query}`, user);
  expect(status).toBe(200);
  return body.data.map((room) => room.title);
}

/** Changes a room behind the application's back: only who reads the database sees it. */
const renameInDatabase = (room: Room, title: string) =>
  app.database.query('UPDATE chatrooms SET title = $2 WHERE id = $1', [room.id, title]);

it('the list comes from the cache until the person writes, and another person’s writes leave it there', async () => {
  const [user, other] = [await aUser(app), await aUser(app)];
  const room = await aRoom(app, user, { title: 'before' });
  expect(await titles(user)).toEqual(['before']);
  await renameInDatabase(room, 'after');
  await aRoom(app, other);
  expect(await titles(user)).toEqual(['before']);
  await aRoom(app, user, { title: 'new' });
  expect(await titles(user)).toEqual(['new', 'after']);
});

it('every write shows in the next list: create, rename, a new message, delete', async () => {
  const user = await aUser(app, { tier: 'pro' });
  const first = await aRoom(app, user, { title: 'first' });
  const read = async (): Promise<(string | null)[]> => {
    const lists = await Promise.all([titles(user), titles(user, '?limit=50'), titles(user)]);
    for (const list of lists) expect(list).toEqual(lists[0]);
    return lists[0];
  };
  expect(await read()).toEqual(['first']);
  await aRoom(app, user, { title: 'second' });
  expect(await read()).toEqual(['second', 'first']);
  await app.api.patch(`/v1/chatrooms/${first.id}`, { title: 'renamed' }, user);
  expect(await read()).toEqual(['second', 'renamed']);
  await aPrompt(app, user, first);
  expect(await read()).toEqual(['renamed', 'second']);
  await app.api.delete(`/v1/chatrooms/${first.id}`, user);
  expect(await read()).toEqual(['second']);
});

it('a reader who races with the writes never leaves an old list behind', async () => {
  const user = await aUser(app, { tier: 'pro' });
  const room = await aRoom(app, user, { title: 'start' });
  let writing = true;
  const readers = Array.from({ length: 4 }, async () => {
    while (writing) await titles(user);
  });
  for (let n = 1; n <= 15; n += 1) {
    await app.api.patch(`/v1/chatrooms/${room.id}`, { title: `title ${n}` }, user);
    expect(await titles(user)).toEqual([`title ${n}`]);
  }
  for (let n = 1; n <= 5; n += 1) {
    const made = await aRoom(app, user, { title: 'short-lived' });
    expect(await titles(user)).toEqual(['short-lived', 'title 15']);
    await app.api.delete(`/v1/chatrooms/${made.id}`, user);
    expect(await titles(user)).toEqual(['title 15']);
  }
  writing = false;
  await Promise.all(readers);
});

it('losing the data of Redis costs the cache and nothing else', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user, { title: 'kept' });
  expect(await titles(user)).toEqual(['kept']);
  await renameInDatabase(room, 'renamed');
  await redis.flushall();
  expect(await titles(user)).toEqual(['renamed']);
});

it('a list is kept for a minute at most', async () => {
  const user = await aUser(app);
  await aRoom(app, user);
  await titles(user);
  const seconds = await redis.ttl(`chatrooms:{${user.id}}`);
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(60);
});
