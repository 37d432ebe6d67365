import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { Answer } from './support/api.js';
import { customerOf, press, stripeOf, untilTier } from './support/billing.js';
import { aPrompt, aRoom, aUser, type Room, type SignedIn, theReply } from './support/factories.js';
import { aKey, checkoutKeyed, isReplayed, sendKeyed, times } from './support/keyed.js';
import { expectAnsweredOnce } from './support/outcomes.js';
import { anyProblem, pathsOf, theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

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

/** The body of an answer, but for the ticket of its stream: that ends, and is made anew. */
const textOf = (answer: Answer<unknown> | undefined): string =>
  JSON.stringify(answer?.body).replace(/\?ticket=[\w-]+/, '');

const send = (user: SignedIn, room: Pick<Room, 'id'>, key: string, body?: unknown) =>
  sendKeyed(app, user, room, key, body);
const checkout = (user: SignedIn, key: string) => checkoutKeyed(app, user, key);

/** How much of a person's there is. */
async function stored(
  user: SignedIn,
): Promise<{ prompts: number; replies: number; charges: number; keys: number }> {
  const { rows } = await app.database.query(
    `SELECT (SELECT count(*)::int FROM messages WHERE user_id = $1 AND role = 'user') AS prompts,
            (SELECT count(*)::int FROM messages WHERE user_id = $1 AND role = 'model') AS replies,
            (SELECT count(*)::int FROM prompt_charges WHERE user_id = $1) AS charges,
            (SELECT count(*)::int FROM idempotency_keys WHERE user_id = $1) AS keys`,
    [user.id],
  );
  return rows[0] as { prompts: number; replies: number; charges: number; keys: number };
}

async function aPersonWithARoom(): Promise<[SignedIn, Room]> {
  const user = await aUser(app);
  return [user, await aRoom(app, user)];
}

const sessionsOf = async (user: SignedIn) =>
  (await stripeOf(app).checkout.sessions.list({ customer: await customerOf(app, user) })).data;

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

const grow = (user: SignedIn, seconds: number) =>
  app.database.query(
    `UPDATE idempotency_keys SET created_at = now() - make_interval(secs => $2) WHERE user_id = $1`,
    [user.id, seconds],
  );

/** A request that no HTTP client would send; returns the status. */
function sendRaw(user: SignedIn, room: Room, keyLine: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(app.api.url);
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        [
          `POST /v1/chatrooms/${room.id}/messages HTTP/1.1`,
          'host: test',
          `authorization: Bearer ${user.token}`,
          'content-type: application/json',
          keyLine,
          'content-length: 19',
          'connection: close',
          '',
          '{"content":"Hello"}',
        ].join('\r\n'),
        'latin1',
      );
    });
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('close', () => {
      resolve(answer.slice(9, 12));
    });
    socket.on('error', reject);
  });
}

describe('a prompt sent again with its key', () => {
  it('is answered as the first time, byte for byte, also when its reply has come; nothing happens again', async () => {
    const [user, room] = await aPersonWithARoom();
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
    expect(await stored(user)).toEqual({ prompts: 1, replies: 1, charges: 1, keys: 1 });
    await expectAnsweredOnce(app.database, first.body);
  });

  it('50 at once are one prompt, one reply, one charge, and all get the same answer', async () => {
    const [user, room] = await aPersonWithARoom();
    const key = aKey();
    const answers = await times(50, () => send(user, room, key));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(textOf)).size).toBe(1);
    expect(answers.filter((answer) => !isReplayed(answer))).toHaveLength(1);
    expect(await stored(user)).toEqual({ prompts: 1, replies: 1, charges: 1, keys: 1 });
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
    expect(await stored(user)).toEqual({ prompts: 1, replies: 1, charges: 1, keys: 1 });
  });

  it('twins that Redis lets in together: the database lets one through, and the other gets its answer', async () => {
    const user = await aUser(app);
    const room = await aRoom(app, user);
    await checkout(user, aKey());
    const sessions = await sessionsOf(user);
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
    expect(await stored(user)).toEqual({ prompts: 2, replies: 2, charges: 2, keys: 4 });
    expect(await sessionsOf(user)).toHaveLength(sessions.length);
    expect((await app.api.get<{ used: number }>('/v1/users/me/usage', user)).body.used).toBe(2);
  });

  it('is answered, not limited, for a person at the daily limit; a new one is refused and its key stays free', async () => {
    const [user, room] = await aPersonWithARoom();
    const keys = Array.from({ length: 5 }, aKey);
    const firsts = [];
    for (const key of keys) firsts.push(await send(user, room, key));
    const extra = aKey();
    theProblem(await send(user, room, extra), 429, 'DAILY_PROMPT_LIMIT_REACHED');
    const again = await Promise.all(keys.map((key) => send(user, room, key)));
    expect(again.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    expect(again.map(textOf)).toEqual(firsts.map(textOf));
    expect(await stored(user)).toMatchObject({ prompts: 5, charges: 5, keys: 5 });
    await app.database.query(`UPDATE users SET tier = 'pro' WHERE id = $1`, [user.id]);
    const freed = await send(user, room, extra);
    expect([freed.status, isReplayed(freed)]).toEqual([202, false]);
  });

  it('50 twins of the last prompt of the day all get it', async () => {
    const [user, room] = await aPersonWithARoom();
    await times(4, () => aPrompt(app, user, room));
    const key = aKey();
    const answers = await times(50, () => send(user, room, key));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await stored(user)).toMatchObject({ prompts: 5, charges: 5 });
  });

  it('survives kill -9 right after the commit, and the loss of Redis', async () => {
    const [user, room] = await aPersonWithARoom();
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
    const isStored = async (): Promise<boolean> => (await stored(user)).prompts === 1;
    // It may have been stored before the first blow.
    const isCarriedOut = async (): Promise<boolean> =>
      (await redis.exists(`running:{${user.id}}:${key}`)) === 1 || isStored();
    await dieWhen(() => until('it is carried out', isCarriedOut));
    await dieWhen(() => until('it is stored', isStored));
    await redis.flushall();
    const answers = await times(5, () => send(user, room, key));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await stored(user)).toEqual({ prompts: 1, replies: 1, charges: 1, keys: 1 });
    await theReply(app, user, (answers[0] as (typeof answers)[0]).body);
    await expectAnsweredOnce(app.database, (answers[0] as (typeof answers)[0]).body);
  });

  it('to a room that is gone is a 404, and brings nothing back', async () => {
    const [user, room] = await aPersonWithARoom();
    const key = aKey();
    await send(user, room, key);
    await app.api.delete(`/v1/chatrooms/${room.id}`, user);
    theProblem(await send(user, room, key), 404, 'CHATROOM_NOT_FOUND');
    expect(await stored(user)).toMatchObject({ prompts: 0 });
  });
});

describe('a key', () => {
  it('stands for one request: other text, another room or another route is a 422 and changes nothing', async () => {
    const [user, room] = await aPersonWithARoom();
    const key = aKey();
    const first = await send(user, room, key);
    const before = await stored(user);
    for (const answer of [
      await send(user, room, key, { content: 'Hello!' }),
      await send(user, room, key, { content: '' }),
      await send(user, await aRoom(app, user), key),
      await checkout(user, key),
    ]) {
      theProblem(answer, 422, 'IDEMPOTENCY_KEY_REUSED');
      expect(isReplayed(answer)).toBe(false);
    }
    expect(await stored(user)).toEqual(before);
    expect(textOf(await send(user, room, key))).toBe(textOf(first));
  });

  it('of twins with different bodies lets one in; the others are a 422', async () => {
    const [user, room] = await aPersonWithARoom();
    const key = aKey();
    const answers = await times(20, (n) => send(user, room, key, { content: `Hello ${n}` }));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, ...Array<number>(19).fill(422)]);
    expect(await stored(user)).toMatchObject({ prompts: 1, charges: 1 });
  });

  it('is a person’s own: another person’s same key is another one', async () => {
    const [[user, room], [other, otherRoom]] = [await aPersonWithARoom(), await aPersonWithARoom()];
    const key = aKey();
    const mine = await send(user, room, key);
    theProblem(await send(other, room, key), 404, 'CHATROOM_NOT_FOUND');
    const theirs = await send(other, otherRoom, key);
    expect([theirs.status, isReplayed(theirs)]).toEqual([202, false]);
    expect(theirs.body.prompt.id).not.toBe(mine.body.prompt.id);
  });

  it('is not used up by a request that failed', async () => {
    const [user, room] = await aPersonWithARoom();
    const key = aKey();
    theProblem(await send(user, room, key, { content: ' ' }), 400, 'VALIDATION_FAILED');
    theProblem(await send(user, { id: user.id }, key), 404, 'CHATROOM_NOT_FOUND');
    theProblem(
      await send(user, room, key, `{"content":${'['.repeat(30_000)}${']'.repeat(30_000)}}`),
      400,
      'VALIDATION_FAILED',
    );
    expect(await stored(user)).toEqual({ prompts: 0, replies: 0, charges: 0, keys: 0 });
    const answer = await send(user, room, key);
    expect([answer.status, isReplayed(answer)]).toEqual([202, false]);
  });

  it.each([
    ['empty', ''],
    ['256 characters', 'k'.repeat(256)],
    ['with a space', 'a b'],
    ['not ASCII', 'schlüssel'],
  ])('that is %s is refused before anything happens', async (_what, key) => {
    const [user, room] = await aPersonWithARoom();
    for (const answer of [await send(user, room, key), await checkout(user, key)]) {
      expect(pathsOf(theProblem(answer, 400, 'VALIDATION_FAILED'))).toEqual(['Idempotency-Key']);
    }
    expect(await stored(user)).toEqual({ prompts: 0, replies: 0, charges: 0, keys: 0 });
  });

  it.each([
    ['a NUL', 'idempotency-key: a\0b', '400'],
    ['a line twice', 'idempotency-key: a\r\nidempotency-key: b', '400'],
    ['16 KB', `idempotency-key: ${'k'.repeat(17_000)}`, '431'],
  ])('of %s is refused', async (_what, line, status) => {
    const [user, room] = await aPersonWithARoom();
    expect(await sendRaw(user, room, line)).toBe(status);
    expect(await stored(user)).toMatchObject({ prompts: 0, keys: 0 });
  });

  it('of 255 strange but visible characters is good', async () => {
    const [user, room] = await aPersonWithARoom();
    const key = `'";--{}%s\\$1/../`.padEnd(255, '~');
    const first = await send(user, room, key);
    const again = await send(user, room, key);
    expect([first.status, again.status, isReplayed(again)]).toEqual([202, 202, true]);
  });

  it('is free again after 24 hours, also before it is pruned, and then is pruned', async () => {
    const [user, room] = await aPersonWithARoom();
    const key = aKey();
    const first = await send(user, room, key);
    await grow(user, 86_000);
    expect(isReplayed(await send(user, room, key))).toBe(true);
    await grow(user, 86_401);
    const next = await send(user, room, key);
    expect([next.status, isReplayed(next)]).toEqual([202, false]);
    expect(next.body.prompt.id).not.toBe(first.body.prompt.id);
    await grow(user, 86_401);
    await until('the key is pruned', async () => (await stored(user)).keys === 0);
  });

  it('whose request is still running: the twin waits, then is told to come again', async () => {
    const [user, room] = await aPersonWithARoom();
    const key = aKey();
    await redis.set(`running:{${user.id}}:${key}`, 'a twin', 'PX', 60_000);
    const answer = await send(user, room, key);
    theProblem(answer, 409, 'IDEMPOTENT_REQUEST_RUNNING');
    expect(answer.headers.get('retry-after')).toBe('1');
    await redis.del(`running:{${user.id}}:${key}`);
    expect((await send(user, room, key)).status).toBe(202);
  });

  it('is not looked at where nothing is created, and nothing is kept without one', async () => {
    const [user, room] = await aPersonWithARoom();
    await aPrompt(app, user, room);
    await app.api.get('/v1/users/me', { token: user.token, headers: { 'idempotency-key': 'not looked at' } });
    expect((await stored(user)).keys).toBe(0);
  });

  it('and what is kept with it hold no text that a person wrote', async () => {
    const [user, room] = await aPersonWithARoom();
    await send(user, room, aKey(), { content: 'very private' });
    const { rows } = await app.database.query<{ row: string }>(
      'SELECT k::text AS row FROM idempotency_keys k',
    );
    expect(rows.map(({ row }) => row).join()).not.toContain('private');
  });
});

describe('a checkout sent again with its key', () => {
  it('50 at once are one session, and all get it', async () => {
    const user = await aUser(app);
    const key = aKey();
    const answers = await times(50, () => checkout(user, key));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(textOf)).size).toBe(1);
    expect(answers.filter((answer) => !isReplayed(answer))).toHaveLength(1);
    expect(await sessionsOf(user)).toHaveLength(1);
  });

  it('with another key is the same session while it is open', async () => {
    const user = await aUser(app);
    const [one, two] = [await checkout(user, aKey()), await checkout(user, aKey())];
    expect(isReplayed(two)).toBe(false);
    expect(two.body).toEqual(one.body);
    expect(await sessionsOf(user)).toHaveLength(1);
  });

  it('is the same session after a crash between Stripe’s effect and our row', async () => {
    const user = await aUser(app);
    const key = aKey();
    const first = await checkout(user, key);
    // What such a crash leaves.
    await app.database.query('DELETE FROM idempotency_keys WHERE user_id = $1', [user.id]);
    await app.process.kill();
    await app.restart();
    const again = await checkout(user, key);
    expect(isReplayed(again)).toBe(false);
    expect(again.body).toEqual(first.body);
    expect(await sessionsOf(user)).toHaveLength(1);
  });

  it('that Stripe failed keeps nothing; the key works when Stripe does', async () => {
    const user = await aUser(app);
    const key = aKey();
    app.stripe.fail({ path: /checkout/, status: 500, times: 3 });
    theProblem(await checkout(user, key), 502, 'PAYMENT_PROVIDER_UNAVAILABLE');
    expect((await stored(user)).keys).toBe(0);
    expect((await checkout(user, key)).status).toBe(201);
    expect(await sessionsOf(user)).toHaveLength(1);
  });

  it('is the same answer also when it is paid; a new one is refused', async () => {
    const user = await aUser(app);
    const key = aKey();
    const first = await checkout(user, key);
    await press(first.body.url, 'Pay');
    await untilTier(app, user, 'pro');
    const again = await checkout(user, key);
    expect([again.status, isReplayed(again), again.body]).toEqual([201, true, first.body]);
    theProblem(await checkout(user, aKey()), 409, 'ALREADY_PRO');
  });
});
