import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Answer, Problem } from './support/api.js';
import {
  type Accepted,
  aPrompt,
  aRoom,
  aUser,
  type Room,
  type SignedIn,
  theReply,
} from './support/factories.js';
import { aKey, isReplayed, sendKeyed, times } from './support/keyed.js';
import { theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';

/** Nobody waits for that. */
const FOREVER_MS = 600_000;

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ ROOM_UNANSWERED_MAX: '10', USER_UNANSWERED_MAX: '50' });
});
afterAll(() => app.stop());

const send = (user: SignedIn, room: Pick<Room, 'id'>): Promise<Answer<Accepted & Problem>> =>
  app.api.post(`/v1/chatrooms/${room.id}/messages`, { content: 'Hello' }, { token: user.token });

const countOf = (answers: Answer<Partial<Problem>>[], status: number, code?: string): number =>
  answers.filter((answer) => answer.status === status && answer.body.code === code).length;

async function chargesOf(user: SignedIn): Promise<number> {
  const { rowCount } = await app.database.query('SELECT 1 FROM prompt_charges WHERE user_id = $1', [user.id]);
  const { body } = await app.api.get<{ used: number }>('/v1/users/me/usage', user);
  expect(body.used).toBe(rowCount);
  return body.used;
}

it('100 prompts at once to one room: 10 are accepted, 90 are told what to do, and are not charged', async () => {
  app.gemini.pace({ firstTokenMs: FOREVER_MS });
  const user = await aUser(app, { tier: 'pro' });
  const room = await aRoom(app, user);
  const answers = await times(100, () => send(user, room));
  expect(countOf(answers, 202)).toBe(10);
  expect(countOf(answers, 409, 'ROOM_UNANSWERED_LIMIT_REACHED')).toBe(90);
  const refused = theProblem(await send(user, room), 409, 'ROOM_UNANSWERED_LIMIT_REACHED');
  expect(refused.detail).toMatch(/wait/i);
  expect(await chargesOf(user)).toBe(10);
  // Another room, another person.
  expect((await send(user, await aRoom(app, user))).status).toBe(202);
  const other = await aUser(app);
  expect((await send(other, await aRoom(app, other))).status).toBe(202);
});

it('100 prompts at once to 20 rooms: 50 are accepted, 50 are refused and not charged', async () => {
  app.gemini.pace({ firstTokenMs: FOREVER_MS });
  const user = await aUser(app, { tier: 'pro' });
  const rooms = await times(20, () => aRoom(app, user));
  const answers = await times(100, (n) => send(user, rooms[n % 20] as Room));
  expect(countOf(answers, 202)).toBe(50);
  expect(countOf(answers, 409, 'USER_UNANSWERED_LIMIT_REACHED')).toBe(50);
  expect(await chargesOf(user)).toBe(50);
});

it('each answer makes room for one; a key that was refused is free, and one that was accepted is replayed', async () => {
  app.gemini.pace({ firstTokenMs: FOREVER_MS });
  const user = await aUser(app, { tier: 'pro' });
  const room = await aRoom(app, user);
  const [kept, refused] = [aKey(), aKey()];
  const first = await sendKeyed(app, user, room, kept);
  await times(9, () => aPrompt(app, user, room));
  theProblem(await sendKeyed(app, user, room, refused), 409, 'ROOM_UNANSWERED_LIMIT_REACHED');
  const again = await sendKeyed(app, user, room, kept);
  expect([again.status, isReplayed(again)]).toEqual([202, true]);
  await app.database.query(
    `UPDATE messages SET status = 'completed', content = 'Yes', finished_at = now() WHERE id = $1`,
    [first.body.reply.id],
  );
  const answers = await times(5, () => sendKeyed(app, user, room, refused));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  theProblem(await send(user, room), 409, 'ROOM_UNANSWERED_LIMIT_REACHED');
  expect(await chargesOf(user)).toBe(11);
});

it('a Basic user who is refused has the prompt still', async () => {
  await app.process.kill();
  await app.restart({ ROOM_UNANSWERED_MAX: '1' });
  app.gemini.pace({ firstTokenMs: 500 });
  const user = await aUser(app);
  const room = await aRoom(app, user);
  const answers = await times(20, () => send(user, room));
  const accepted = answers.filter(({ status }) => status === 202);
  expect(accepted).toHaveLength(1);
  app.gemini.pace({ firstTokenMs: 0 });
  await theReply(app, user, (accepted[0] as Answer<Accepted>).body);
  expect(await chargesOf(user)).toBe(1);
  for (let n = 2; n <= 5; n += 1) await theReply(app, user, await aPrompt(app, user, room));
  expect(await chargesOf(user)).toBe(5);
});
