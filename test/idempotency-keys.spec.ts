import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { aPrompt, aRoom, type Room, type SignedIn } from './support/factories.js';
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
import { pathsOf, theProblem } from './support/problem.js';
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

describe('a key', () => {
  it('stands for one request: other text, another room or another route is a 422 and changes nothing', async () => {
    const [user, room] = await aUserWithARoom(app);
    const key = aKey();
    const first = await send(user, room, key);
    const before = await stored(app, user);
    for (const answer of [
      await send(user, room, key, { content: 'Hello!' }),
      await send(user, room, key, { content: '' }),
      await send(user, await aRoom(app, user), key),
      await checkout(user, key),
    ]) {
      theProblem(answer, 422, 'IDEMPOTENCY_KEY_REUSED');
      expect(isReplayed(answer)).toBe(false);
    }
    expect(await stored(app, user)).toEqual(before);
    expect(textOf(await send(user, room, key))).toBe(textOf(first));
  });

  it('of twins with different bodies lets one in; the others are a 422', async () => {
    const [user, room] = await aUserWithARoom(app);
    const key = aKey();
    const answers = await times(20, (n) => send(user, room, key, { content: `Hello ${n}` }));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, ...Array<number>(19).fill(422)]);
    expect(await stored(app, user)).toMatchObject({ prompts: 1, charges: 1 });
  });

  it('is a person’s own: another person’s same key is another one', async () => {
    const [[user, room], [other, otherRoom]] = [await aUserWithARoom(app), await aUserWithARoom(app)];
    const key = aKey();
    const mine = await send(user, room, key);
    theProblem(await send(other, room, key), 404, 'CHATROOM_NOT_FOUND');
    const theirs = await send(other, otherRoom, key);
    expect([theirs.status, isReplayed(theirs)]).toEqual([202, false]);
    expect(theirs.body.prompt.id).not.toBe(mine.body.prompt.id);
  });

  it('is not used up by a request that failed', async () => {
    const [user, room] = await aUserWithARoom(app);
    const key = aKey();
    theProblem(await send(user, room, key, { content: ' ' }), 400, 'VALIDATION_FAILED');
    theProblem(await send(user, { id: user.id }, key), 404, 'CHATROOM_NOT_FOUND');
    theProblem(
      await send(user, room, key, `{"content":${'['.repeat(30_000)}${']'.repeat(30_000)}}`),
      400,
      'VALIDATION_FAILED',
    );
    expect(await stored(app, user)).toEqual({ prompts: 0, replies: 0, charges: 0, keys: 0 });
    const answer = await send(user, room, key);
    expect([answer.status, isReplayed(answer)]).toEqual([202, false]);
  });

  it.each([
    ['empty', ''],
    ['256 characters', 'k'.repeat(256)],
    ['with a space', 'a b'],
    ['not ASCII', 'schlüssel'],
  ])('that is %s is refused before anything happens', async (_what, key) => {
    const [user, room] = await aUserWithARoom(app);
    for (const answer of [await send(user, room, key), await checkout(user, key)]) {
      expect(pathsOf(theProblem(answer, 400, 'VALIDATION_FAILED'))).toEqual(['Idempotency-Key']);
    }
    expect(await stored(app, user)).toEqual({ prompts: 0, replies: 0, charges: 0, keys: 0 });
  });

  it.each([
    ['a NUL', 'idempotency-key: a\0b', '400'],
    ['a line twice', 'idempotency-key: a\r\nidempotency-key: b', '400'],
    ['16 KB', `idempotency-key: ${'k'.repeat(17_000)}`, '431'],
  ])('of %s is refused', async (_what, line, status) => {
    const [user, room] = await aUserWithARoom(app);
    expect(await sendRaw(user, room, line)).toBe(status);
    expect(await stored(app, user)).toMatchObject({ prompts: 0, keys: 0 });
  });

  it('of 255 strange but visible characters is good', async () => {
    const [user, room] = await aUserWithARoom(app);
    const key = `'";--{}%s\\$1/../`.padEnd(255, '~');
    const first = await send(user, room, key);
    const again = await send(user, room, key);
    expect([first.status, again.status, isReplayed(again)]).toEqual([202, 202, true]);
  });

  it('is free again after 24 hours, also before it is pruned, and then is pruned', async () => {
    const [user, room] = await aUserWithARoom(app);
    const key = aKey();
    const first = await send(user, room, key);
    await grow(user, 86_000);
    expect(isReplayed(await send(user, room, key))).toBe(true);
    await grow(user, 86_401);
    const next = await send(user, room, key);
    expect([next.status, isReplayed(next)]).toEqual([202, false]);
    expect(next.body.prompt.id).not.toBe(first.body.prompt.id);
    await grow(user, 86_401);
    await until('the key is pruned', async () => (await stored(app, user)).keys === 0);
  });

  it('whose request is still running: the twin waits, then is told to come again', async () => {
    const [user, room] = await aUserWithARoom(app);
    const key = aKey();
    await redis.set(`running:{${user.id}}:${key}`, 'a twin', 'PX', 60_000);
    const answer = await send(user, room, key);
    theProblem(answer, 409, 'IDEMPOTENT_REQUEST_RUNNING');
    expect(answer.headers.get('retry-after')).toBe('1');
    await redis.del(`running:{${user.id}}:${key}`);
    expect((await send(user, room, key)).status).toBe(202);
  });

  it('is not looked at where nothing is created, and nothing is kept without one', async () => {
    const [user, room] = await aUserWithARoom(app);
    await aPrompt(app, user, room);
    await app.api.get('/v1/users/me', { token: user.token, headers: { 'idempotency-key': 'not looked at' } });
    expect((await stored(app, user)).keys).toBe(0);
  });

  it('and what is kept with it hold no text that a person wrote', async () => {
    const [user, room] = await aUserWithARoom(app);
    await send(user, room, aKey(), { content: 'very private' });
    const { rows } = await app.database.query<{ row: string }>(
      'SELECT k::text AS row FROM idempotency_keys k',
    );
    expect(rows.map(({ row }) => row).join()).not.toContain('private');
  });
});
