import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { Answer, Problem } from './support/api.js';
import {
  type Accepted,
  aPrompt,
  aRoom,
  aUser,
  type Message,
  type Room,
  type SignedIn,
  theReply,
} from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

interface Usage {
  tier: string;
  used: number;
  limit: number | null;
  remaining: number | null;
  resetAt: string;
}

const LIMIT = 5;

let app: TestApp;
let redis: Redis;

beforeAll(async () => {
  app = await startTestApp();
  redis = openRedis(app.redis.url);
});
afterEach(() => {
  app.gemini.behave();
});
afterAll(async () => {
  redis.disconnect();
  await app.stop();
});

const send = (user: SignedIn, room: Pick<Room, 'id'>, body: unknown = { content: 'Hello' }) =>
  app.api.post<Accepted & Problem>(`/v1/chatrooms/${room.id}/messages`, body, user);

const usageOf = async (user: SignedIn): Promise<Usage> =>
  (await app.api.get<Usage>('/v1/users/me/usage', user)).body;

const accepted = (answers: Answer<unknown>[]) => answers.filter(({ status }) => status === 202);

const times = <T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => make(n)));

/** What was charged: the truth in Postgres and its copy in Redis, which must be the same. */
async function chargedPrompts(user: SignedIn): Promise<string[]> {
  const charges = await app.database.query<{ id: string }>(
    'SELECT id FROM prompt_charges WHERE user_id = $1 ORDER BY 1',
    [user.id],
  );
  const ids = charges.rows.map((row) => row.id);
  await usageOf(user);
  const key = `usage:{${user.id}}:${new Date().toISOString().slice(0, 10)}`;
  const members = await redis.zrangebyscore(key, 'inf', 'inf');
  expect(members.filter((id) => id !== '').sort()).toEqual(ids);
  return ids;
}

it('20 prompts at once by a Basic user: 5 are accepted, 15 are told when the next day begins', async () => {
  const user = await aUser(app);
  const rooms = await times(4, () => aRoom(app, user));
  const answers = await times(20, (n) => send(user, rooms[n % 4] as Room));
  const refused = answers.filter(({ status }) => status === 429);
  expect([accepted(answers).length, refused.length]).toEqual([LIMIT, 15]);
  const midnight = new Date(new Date().setUTCHours(24, 0, 0, 0));
  for (const { body, headers } of refused) {
    expect(body).toMatchObject({ code: 'DAILY_PROMPT_LIMIT_REACHED', status: 429 });
    expect(body.detail).toContain(midnight.toISOString());
    expect(Number(headers.get('retry-after'))).toBeCloseTo((midnight.getTime() - Date.now()) / 1000, -1);
    expect(headers.get('ratelimit-remaining')).toBe('0');
  }
  const left = accepted(answers).map(({ headers }) => headers.get('ratelimit-remaining'));
  expect(left.sort()).toEqual(['0', '1', '2', '3', '4']);
  for (const { headers } of answers) {
    expect(headers.get('ratelimit-limit')).toBe('5');
    expect(Number(headers.get('ratelimit-reset'))).toBeGreaterThan(0);
  }
  const stored = await app.database.query(`SELECT 1 FROM messages WHERE user_id = $1 AND role = 'user'`, [
    user.id,
  ]);
  expect(stored.rowCount).toBe(LIMIT);
  expect(await chargedPrompts(user)).toHaveLength(LIMIT);
});

it('the usage of a day is told, and is nobody else’s', async () => {
  const [user, other] = [await aUser(app), await aUser(app)];
  const midnight = new Date(new Date().setUTCHours(24, 0, 0, 0)).toISOString();
  const unused = { tier: 'basic', used: 0, limit: LIMIT, remaining: LIMIT, resetAt: midnight };
  expect(await usageOf(user)).toEqual(unused);
  const room = await aRoom(app, user);
  await times(2, () => aPrompt(app, user, room));
  expect(await usageOf(user)).toEqual({ ...unused, used: 2, remaining: 3 });
  expect(await usageOf(other)).toEqual(unused);
});

it.each([
  ['ends', `tier = 'basic'`],
  ['runs out', `tier_until = now()`],
])('Pro has no limit at once, and prompts sent as Pro count when it %s', async (_how, ended) => {
  const user = await aUser(app, { tier: 'pro' });
  const room = await aRoom(app, user);
  const answers = await times(12, () => send(user, room));
  expect(accepted(answers)).toHaveLength(12);
  expect(answers[0]?.headers.has('ratelimit-limit')).toBe(false);
  expect(await usageOf(user)).toMatchObject({ tier: 'pro', used: 12, limit: null, remaining: null });
  await app.database.query(`UPDATE users SET ${ended} WHERE id = $1`, [user.id]);
  const refused = await send(user, room);
  expect([refused.status, refused.headers.get('ratelimit-remaining')]).toEqual([429, '0']);
  expect(await usageOf(user)).toMatchObject({ used: 12, limit: LIMIT, remaining: 0 });
  await app.database.query(`UPDATE users SET tier = 'pro', tier_until = NULL WHERE id = $1`, [user.id]);
  expect((await send(user, room)).status).toBe(202);
});

it('a request that is refused is not charged, and its answer says so', async () => {
  const [user, stranger] = [await aUser(app), await aUser(app)];
  const room = await aRoom(app, user);
  const strangersRoom = await aRoom(app, stranger);
  const refused = [
    await send(user, room, { content: '  ' }),
    await send(user, room, { content: 'nul \0' }),
    await send(user, room, '{"content":'),
    await send(user, room, []),
    await send(user, { id: 'not-an-id' }),
    await send(user, { id: user.id }),
    await send(user, strangersRoom),
  ];
  expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 404, 404]);
  for (const { headers } of refused) {
    expect([null, '5']).toContain(headers.get('ratelimit-remaining'));
  }
  expect(await chargedPrompts(user)).toEqual([]);
  expect(await usageOf(user)).toMatchObject({ used: 0, remaining: LIMIT });
});

it('valid and invalid prompts mixed at once: never over the limit, and only the accepted are charged', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user);
  const answers = await times(40, (n) => send(user, room, { content: n % 2 === 0 ? 'Hello' : ' ' }));
  const count = accepted(answers).length;
  expect(count).toBeLessThanOrEqual(LIMIT);
  // Whatever invalid ones held for a moment is free again.
  const more = await times(LIMIT, () => send(user, room));
  expect(count + accepted(more).length).toBe(LIMIT);
  const ids = [...accepted(answers), ...accepted(more)].map(({ body }) => (body as Accepted).prompt.id);
  expect(await chargedPrompts(user)).toEqual(ids.sort());
});

it('a prompt whose reply failed, was blocked or broke off is given back; one that was answered is charged once', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user);
  for (const content of [
    '[[block]]',
    '[[block-answer]]',
    '[[400]]',
    '[[truncate]]',
    '[[empty]]',
    '[[503]]',
  ]) {
    const reply = await theReply(app, user, await aPrompt(app, user, room, content));
    expect([content, reply.status]).toEqual([content, expect.stringMatching(/^(failed|blocked)$/)]);
    expect(await chargedPrompts(user)).toEqual([]);
  }
  const answered: string[] = [];
  for (const content of ['[[503 x2]]', '[[truncate x1]]', '[[max-tokens]]', 'Hello', 'Hello again']) {
    const prompt = await aPrompt(app, user, room, content);
    expect(await theReply(app, user, prompt)).toMatchObject({ status: 'completed' });
    answered.push(prompt.prompt.id);
  }
  expect(await chargedPrompts(user)).toEqual(answered.sort());
  expect((await send(user, room)).status).toBe(429);
});

it('Redis wiped while prompts are on their way: those before and those after it together keep the limit', async () => {
  const user = await aUser(app);
  const rooms = await times(2 * LIMIT, () => aRoom(app, user));
  const holder = await app.database.connect();
  const reserved = () => redis.zcard(`usage:{${user.id}}:${new Date().toISOString().slice(0, 10)}`);
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [user.id]);
    const before = rooms.slice(0, LIMIT).map((room) => send(user, room));
    await until('all have a place in Redis', async () => (await reserved()) === LIMIT + 1);
    await redis.flushall();
    const after = rooms.slice(LIMIT).map((room) => send(user, room));
    await until('all have a place again', async () => (await reserved()) === LIMIT + 1);
    await holder.query('COMMIT');
    const answers = await Promise.all([...before, ...after]);
    expect(accepted(answers)).toHaveLength(LIMIT);
    for (const { status, body } of answers.filter((answer) => answer.status !== 202)) {
      expect([status, body.code]).toEqual([429, 'DAILY_PROMPT_LIMIT_REACHED']);
    }
  } finally {
    holder.release();
  }
  expect(await chargedPrompts(user)).toHaveLength(LIMIT);
  expect(await usageOf(user)).toMatchObject({ used: LIMIT, remaining: 0 });
});

it('losing the data of Redis resets nobody: prompts after it count on from Postgres', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user);
  for (const content of ['one', 'two', '[[block]]']) {
    await theReply(app, user, await aPrompt(app, user, room, content));
  }
  await redis.flushall();
  expect(await usageOf(user)).toMatchObject({ used: 2, remaining: 3 });
  await redis.flushall();
  expect(accepted(await times(20, () => send(user, room)))).toHaveLength(3);
  expect(await chargedPrompts(user)).toHaveLength(LIMIT);
});

it('every copy in Redis ends by itself, also one that was begun by a late reply', async () => {
  const user = await aUser(app);
  const prompt = await aPrompt(app, user, await aRoom(app, user), '[[slow 300]]');
  await until('the model is asked', () => app.gemini.openRequests > 0);
  await redis.flushall();
  await theReply(app, user, prompt);
  const keys = await until('the charge is confirmed again', async () => {
    const found = await redis.keys(`usage:{${user.id}}:*`);
    return found.length > 0 && found;
  });
  expect(await redis.pttl(keys[0] as string)).toBeGreaterThan(0);
});

it('deleting a room gives back the prompts that were not answered, and no other', async () => {
  const user = await aUser(app);
  const [answered, waiting] = [await aRoom(app, user), await aRoom(app, user)];
  const kept = await aPrompt(app, user, answered);
  await theReply(app, user, kept);
  // The first is being answered, the second waits for its turn in the queue.
  await aPrompt(app, user, waiting, '[[slow 700]]');
  await aPrompt(app, user, waiting, 'Next');
  await until('the model is asked', () => app.gemini.openRequests > 0);
  expect(await usageOf(user)).toMatchObject({ used: 3 });
  for (const room of [answered, waiting]) {
    expect((await app.api.delete(`/v1/chatrooms/${room.id}`, user)).status).toBe(204);
  }
  expect(await usageOf(user)).toMatchObject({ used: 1, remaining: 4 });
  await until('the model is done', () => app.gemini.openRequests === 0);
  expect(await chargedPrompts(user)).toEqual([kept.prompt.id]);
  const left = await app.database.query<Message>('SELECT 1 FROM messages WHERE user_id = $1', [user.id]);
  expect(left.rowCount).toBe(0);
});

it('what Redis missed while it was away is put right before anybody is refused', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user);
  await theReply(app, user, await aPrompt(app, user, room));
  // Refunded in Postgres long ago, which Redis was not told.
  const day = new Date().toISOString().slice(0, 10);
  const stale = Array.from({ length: LIMIT }, (_, n) => `01900000-0000-7000-8000-00000000000${n}`);
  await redis.zadd(`usage:{${user.id}}:${day}`, ...stale.flatMap((id) => ['inf', id]));
  await Promise.all(Array.from({ length: LIMIT - 1 }, () => aPrompt(app, user, room)));
  const refused = await app.api.post(`/v1/chatrooms/${room.id}/messages`, { content: 'x' }, user);
  expect(refused.status).toBe(429);
});
