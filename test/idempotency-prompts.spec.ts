import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { Answer } from './support/api.js';
import { checkoutSessions } from './support/billing.js';
import { aPrompt, aRoom, aUser, type Room, type SignedIn, theReply } from './support/factories.js';
import {
  aKey,
  aUserWithARoom,
  checkoutKeyed,
  isReplayed,
  sendKeyed,
  stored,
  textOf,
  times,
} from './support/keyed.js';
import { expectAnsweredOnce } from './support/outcomes.js';
import { anyProblem, theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
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

const send = (user: SignedIn, room: Pick<Room, 'id'>, key: string, body?: unknown) =>
  sendKeyed(app, user, room, key, body);
const checkout = (user: SignedIn, key: string) => checkoutKeyed(app, user, key);

/** Carries requests out up to where they write, all of them, as if Redis had lost who is in; then lets them write. */
async function allLetIn<T>(user: SignedIn, requests: [key: string, send: () => Promise<T>][]): Promise<T[]> {
  const holder = await app.database.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [user.id]);
    const answers: Promise<T>[] = [];
    for (const [key, request] of requests) {
      answers.push(request());
      await until('it waits to write', async () => {
        const { rows } = await app.database.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return rows[0]?.n === answers.length;
      });
      await redis.del(`running:{${user.id}}:${key}`);
    }
    await holder.query('COMMIT');
    return await Promise.all(answers);
  } finally {
    holder.release();
  }
}

describe('a prompt sent again with its key', () => {
  it('is answered as the first time, byte for byte, also when its reply has come; nothing happens again', async () => {
    const [user, room] = await aUserWithARoom(app);
    const key = aKey();
    const first = await send(user, room, key);
    expect([first.status, isReplayed(first)]).toEqual([202, false]);
    const early = await send(user, room, key);
    await theReply(app, user, first.body);
    const late = await send(user, room, key, ' { "content" : "Hello" }');
    for (const again of [early, late]) {
      expect([again.status, isReplayed(again)]).toEqual([202, true]);
      expect(textOf(again)).toBe(textOf(first));
      expect(again.headers.get('ratelimit-remaining')).toBe('4');
    }
    expect(await stored(app, user)).toEqual({ prompts: 1, replies: 1, charges: 1, keys: 1 });
    await expectAnsweredOnce(app.database, first.body);
  });

  it('50 at once are one prompt, one reply, one charge, and all get the same answer', async () => {
    const [user, room] = await aUserWithARoom(app);
    const key = aKey();
    const answers = await times(50, () => send(user, room, key));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(textOf)).size).toBe(1);
    expect(answers.filter((answer) => !isReplayed(answer))).toHaveLength(1);
    expect(await stored(app, user)).toEqual({ prompts: 1, replies: 1, charges: 1, keys: 1 });
  });

  it('50 at once while Redis forgets who is in: still one prompt and one charge', async () => {
    const user = await aUser(app, { tier: 'pro' });
    const room = await aRoom(app, user);
    const key = aKey();
    const forgetting = new AbortController();
    const forget = (async () => {
      while (!forgetting.signal.aborted) await redis.flushall();
    })();
    const answers = await times(50, () => send(user, room, key));
    forgetting.abort();
    await forget;
    const good = answers.filter(({ status }) => status === 202);
    expect(new Set(good.map(({ body }) => body.prompt.id)).size).toBe(1);
    // A request whose quota Redis lost twice is refused, cleanly.
    for (const answer of answers) if (answer.status !== 202) anyProblem(answer);
    expect(await stored(app, user)).toEqual({ prompts: 1, replies: 1, charges: 1, keys: 1 });
  });

  it('twins that Redis lets in together: the database lets one through, and the other gets its answer', async () => {
    const user = await aUser(app);
    const room = await aRoom(app, user);
    await checkout(user, aKey());
    const sessions = await checkoutSessions(app, user);
    const [sent, mixed, paid] = [aKey(), aKey(), aKey()];
    const twins = await allLetIn<Answer<unknown>>(user, [
      [sent, () => send(user, room, sent)],
      [sent, () => send(user, room, sent)],
      [mixed, () => send(user, room, mixed, { content: 'one' })],
      [mixed, () => send(user, room, mixed, { content: 'other' })],
      [paid, () => checkout(user, paid)],
      [paid, () => checkout(user, paid)],
    ]);
    const statuses = twins.map(({ status }) => status);
    expect([statuses.slice(0, 2), statuses.slice(2, 4).sort(), statuses.slice(4)]).toEqual([
      [202, 202],
      [202, 422],
      [201, 201],
    ]);
    for (const pair of [twins.slice(0, 2), twins.slice(4)]) {
      expect(pair.filter(isReplayed)).toHaveLength(1);
      expect(textOf(pair[0])).toBe(textOf(pair[1]));
    }
    expect(await stored(app, user)).toEqual({ prompts: 2, replies: 2, charges: 2, keys: 4 });
    expect(await checkoutSessions(app, user)).toHaveLength(sessions.length);
    expect((await app.api.get<{ used: number }>('/v1/users/me/usage', user)).body.used).toBe(2);
  });

  it('is answered, not limited, for a person at the daily limit; a new one is refused and its key stays free', async () => {
    const [user, room] = await aUserWithARoom(app);
    const keys = Array.from({ length: 5 }, aKey);
    const firsts = [];
    for (const key of keys) firsts.push(await send(user, room, key));
    const extra = aKey();
    theProblem(await send(user, room, extra), 429, 'DAILY_PROMPT_LIMIT_REACHED');
    const again = await Promise.all(keys.map((key) => send(user, room, key)));
    expect(again.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    expect(again.map(textOf)).toEqual(firsts.map(textOf));
    expect(await stored(app, user)).toMatchObject({ prompts: 5, charges: 5, keys: 5 });
    await app.database.query(`UPDATE users SET tier = 'pro' WHERE id = $1`, [user.id]);
    const freed = await send(user, room, extra);
    expect([freed.status, isReplayed(freed)]).toEqual([202, false]);
  });

  it('50 twins of the last prompt of the day all get it', async () => {
    const [user, room] = await aUserWithARoom(app);
    await times(4, () => aPrompt(app, user, room));
    const key = aKey();
    const answers = await times(50, () => send(user, room, key));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await stored(app, user)).toMatchObject({ prompts: 5, charges: 5 });
  });

  it('survives kill -9 right after the commit, and the loss of Redis', async () => {
    const [user, room] = await aUserWithARoom(app);
    const key = aKey();
    const dieWhen = async (moment: () => Promise<unknown>): Promise<void> => {
      const lost = send(user, room, key).catch(() => null);
      await moment();
      await app.process.kill();
      await lost;
      await redis.flushall();
      await app.restart();
    };
    await dieWhen(() => Promise.resolve());
    const isStored = async (): Promise<boolean> => (await stored(app, user)).prompts === 1;
    // It may have been stored before the first blow.
    const isCarriedOut = async (): Promise<boolean> =>
      (await redis.exists(`running:{${user.id}}:${key}`)) === 1 || isStored();
    await dieWhen(() => until('it is carried out', isCarriedOut));
    await dieWhen(() => until('it is stored', isStored));
    await redis.flushall();
    const answers = await times(5, () => send(user, room, key));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await stored(app, user)).toEqual({ prompts: 1, replies: 1, charges: 1, keys: 1 });
    await theReply(app, user, (answers[0] as (typeof answers)[0]).body);
    await expectAnsweredOnce(app.database, (answers[0] as (typeof answers)[0]).body);
  });

  it('to a room that is gone is a 404, and brings nothing back', async () => {
    const [user, room] = await aUserWithARoom(app);
    const key = aKey();
    await send(user, room, key);
    await app.api.delete(`/v1/chatrooms/${room.id}`, user);
    theProblem(await send(user, room, key), 404, 'CHATROOM_NOT_FOUND');
    expect(await stored(app, user)).toMatchObject({ prompts: 0 });
  });
});
