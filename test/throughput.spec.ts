import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { aPrompt, aRoom, aUser, type SignedIn, theReply } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

let app: TestApp;
let user: SignedIn;

beforeAll(async () => {
  app = await startTestApp({ REPLY_CONCURRENCY: '3' });
  user = await aUser(app, { tier: 'pro' });
});
afterAll(() => app.stop());

const rooms = (count: number) => Promise.all(Array.from({ length: count }, () => aRoom(app, user)));

/** Sends a prompt into each of that many rooms and waits for all replies. Returns ms from the first prompt to the last reply. */
async function burst(count: number): Promise<number> {
  const all = await rooms(count);
  const began = performance.now();
  const sent = await Promise.all(all.map((room) => aPrompt(app, user, room)));
  const replies = await Promise.all(sent.map((accepted) => theReply(app, user, accepted)));
  expect(replies.every((reply) => reply.status === 'completed')).toBe(true);
  return Math.round(performance.now() - began);
}

it('no more replies are generated at once than REPLY_CONCURRENCY allows', async () => {
  app.gemini.pace({ firstTokenMs: 50 });
  await burst(20);
  expect(app.gemini.maxOpenRequests).toBe(3);
});

it('the replies of a room follow each other at once: none waits for the next look at whose turn it is', async () => {
  const room = await aRoom(app, user);
  const began = Date.now();
  const sent = await Promise.all(Array.from({ length: 10 }, (_, n) => aPrompt(app, user, room, `Turn ${n}`)));
  await Promise.all(sent.map((accepted) => theReply(app, user, accepted)));
  // A reply that nobody wakes looks again after a second: nine of them take nine.
  expect(Date.now() - began).toBeLessThan(5000);
});

it('more owed replies than one look of the sweep brings are all queued again', async () => {
  app.gemini.misbehave({ kind: 'hang' }, Infinity);
  const room = await aRoom(app, user);
  const lastReply = `01900000-0000-7000-8000-${'2'.padEnd(8, '0')}2500`;
  await app.database.query(
    `WITH prompts AS (
       INSERT INTO messages (user_id, id, chatroom_id, role, content, status)
       SELECT $1, ('01900000-0000-7000-8000-10000000' || to_char(n, 'FM0000'))::uuid, $2, 'user', 'x', 'completed'
       FROM generate_series(1, 2500) n
     )
     INSERT INTO messages (user_id, id, chatroom_id, role, content, status, prompt_id, charge_id)
     SELECT $1, ('01900000-0000-7000-8000-20000000' || to_char(n, 'FM0000'))::uuid, $2, 'model', '', 'pending',
       prompt_id, prompt_id
     FROM generate_series(1, 2500) n, LATERAL (
       SELECT ('01900000-0000-7000-8000-10000000' || to_char(n, 'FM0000'))::uuid AS prompt_id) prompt`,
    [user.id, room.id],
  );
  const redis = openRedis(app.redis.url);
  await until(
    'the last one has a job',
    async () => (await redis.exists(`{queue}:replies:${lastReply}`)) === 1,
  );
  await app.process.kill();
  await app.database.query('DELETE FROM chatrooms WHERE id = $1', [room.id]);
  await redis.flushall();
  redis.disconnect();
  app.gemini.behave();
});

it('100 prompts in 100 rooms are answered together, not one after the other', async () => {
  await app.restart({ REPLY_CONCURRENCY: '200' });
  app.gemini.misbehave({ kind: 'hang' }, Infinity);
  const all = await rooms(100);
  await Promise.all(all.map((room) => aPrompt(app, user, room)));
  await until('all 100 are with the model at once', () => app.gemini.openRequests === 100);
  await app.process.kill();
  app.gemini.behave();

  await app.restart({ REPLY_CONCURRENCY: '200' });
  app.gemini.pace({ firstTokenMs: 1000 });
  const ms = await burst(100);
  // Where Node warns of what grows.
  expect(app.process.logs.filter((line) => 'stderr' in line)).toEqual([]);
  process.stdout.write(`100 prompts in 100 rooms, model 1,000 ms: all answered after ${ms} ms\n`);
});
