import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { idTime } from '../src/common/id.js';
import { type Accepted, aPrompt, aRoom, aUser, type SignedIn, theReply } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

const HEAD_START_SECONDS = 2;

let app: TestApp;
let basic: SignedIn;
let pro: SignedIn;

beforeAll(async () => {
  app = await startTestApp({ REPLY_CONCURRENCY: '1', BASIC_DAILY_PROMPTS: '100' });
  [basic, pro] = await Promise.all([aUser(app), aUser(app, { tier: 'pro' })]);
});
afterEach(() => {
  app.gemini.pace({ firstTokenMs: 0 });
});
afterAll(() => app.stop());

const send = async (user: SignedIn, content: string): Promise<Accepted> =>
  aPrompt(app, user, await aRoom(app, user), content);

/** Occupies the one worker until the returned function is called. */
async function occupy(): Promise<() => Promise<void>> {
  const accepted = await send(pro, '[[slow 600000]] in the way');
  await until('the worker is occupied', () => app.gemini.openRequests === 1);
  return async () => {
    const { status } = await app.api.post(`${accepted.links.reply}/cancel`, undefined, { token: pro.token });
    expect(status).toBe(200);
  };
}

/** In the order in which the model was asked. */
const asked = (prefix: string): string[] =>
  app.gemini.requests
    .map(({ body }) => body.contents?.at(-1)?.parts[0]?.text ?? '')
    .filter((text) => text.startsWith(prefix));

it('a Pro prompt is answered before the Basic ones that wait already, and those in their order', async () => {
  const release = await occupy();
  const waiting: Accepted[] = [];
  for (const n of [1, 2, 3]) waiting.push(await send(basic, `backlog: basic ${n}`));
  const first = await send(pro, 'backlog: pro 1');
  const second = await send(pro, 'backlog: pro 2');
  await release();
  for (const accepted of [first, second]) await theReply(app, pro, accepted);
  for (const accepted of waiting) await theReply(app, basic, accepted);
  expect(asked('backlog')).toEqual([
    'backlog: pro 1',
    'backlog: pro 2',
    'backlog: basic 1',
    'backlog: basic 2',
    'backlog: basic 3',
  ]);
});

it('prompts that the sweep queues, since Redis lost them, keep that order', async () => {
  const release = await occupy();
  const waiting = await send(basic, 'lost: basic');
  const first = await send(pro, 'lost: pro');
  await app.process.kill();
  const redis = openRedis(app.redis.url);
  await redis.flushall();
  await app.restart();
  const jobs = [waiting, first].map(({ reply }) => `{queue}:replies:${reply.id}`);
  await until('both have a job again', async () => (await redis.exists(...jobs)) === 2);
  await until('the worker is occupied again', () => app.gemini.openRequests === 1);
  redis.disconnect();
  await release();
  await theReply(app, pro, first);
  await theReply(app, basic, waiting);
  expect(asked('lost')).toEqual(['lost: pro', 'lost: basic']);
});

it('a reply that waits since before the numbers of the queue began again goes to its front', async () => {
  const release = await occupy();
  const waiting = await send(pro, 'old: now');
  const room = await aRoom(app, basic);
  const [prompt, reply] = ['1', '2'].map((n) => `01900000-0000-7000-8000-00000000000${n}`);
  await app.database.query(
    `INSERT INTO messages (user_id, id, chatroom_id, role, content, status, prompt_id, charge_id)
     VALUES ($1, $2, $4, 'user', 'old: then', 'completed', NULL, NULL), ($1, $3, $4, 'model', '', 'pending', $2, $2)`,
    [basic.id, prompt, reply, room.id],
  );
  const redis = openRedis(app.redis.url);
  const place = async (): Promise<number> =>
    Number((await redis.zscore('{queue}:replies:prioritized', reply ?? '')) ?? NaN);
  await until('the sweep has queued it', async () => !Number.isNaN(await place()));
  // As it would have been queued then.
  const last = 2 ** 21 - 1;
  await redis.zadd('{queue}:replies:prioritized', last * 2 ** 32, reply ?? '');
  await redis.hset(`{queue}:replies:${reply}`, 'priority', last);
  await until('the sweep has moved it', async () => (await place()) < 2 * 2 ** 32);
  redis.disconnect();
  await release();
  await theReply(app, pro, waiting);
  expect(asked('old')).toEqual(['old: then', 'old: now']);
});

it('under a steady stream of Pro prompts a Basic one has its turn', async () => {
  await app.process.stop();
  await app.restart({ REPLY_CONCURRENCY: '1', PRO_HEAD_START_SECONDS: String(HEAD_START_SECONDS) });
  app.gemini.pace({ firstTokenMs: 50 });
  const release = await occupy();
  const waiting = await send(basic, 'stream: basic');
  const owed: Accepted[] = [];
  await until('later ones are further away than the head start', async () => {
    owed.push(await send(pro, `stream: pro ${owed.length}`));
    const aheadMs = idTime(owed.at(-1)?.reply.id ?? '') - idTime(waiting.reply.id);
    return aheadMs > (HEAD_START_SECONDS + 1) * 1000;
  });
  await release();
  await theReply(app, basic, waiting);
  const order = asked('stream');
  const before = order.slice(0, order.indexOf('stream: basic'));
  // Those of the first second are due before it, whatever part of a second it began in; the last one is not.
  expect(before).toContain('stream: pro 0');
  expect(before).not.toContain(`stream: pro ${owed.length - 1}`);
});
