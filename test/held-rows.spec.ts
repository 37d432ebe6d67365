import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type Accepted, aPrompt, aRoom, aUser, type SignedIn, theReply } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

let app: TestApp;
let somebody: SignedIn;
let other: SignedIn;

beforeAll(async () => {
  app = await startTestApp({ DATABASE_POOL_SIZE: '5' });
  [somebody, other] = await Promise.all([aUser(app, { tier: 'pro' }), aUser(app, { tier: 'pro' })]);
});
afterAll(() => app.stop());
beforeEach(() => {
  app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
});

/** Keeps the rows that a query locks until it is called back, as a slow transaction does. */
async function hold(lock: string, id: string): Promise<() => Promise<void>> {
  const holder = await app.database.connect();
  await holder.query('BEGIN');
  await holder.query(lock, [id]);
  return async () => {
    await holder.query('ROLLBACK');
    holder.release();
  };
}

const statusOf = async (id: string): Promise<string | undefined> =>
  (await app.database.query<{ status: string }>('SELECT status FROM messages WHERE id = $1', [id])).rows[0]
    ?.status;

/** What others ask for meanwhile is accepted and answered. */
async function expectOthersAreServed(): Promise<void> {
  const sent = await Promise.all(
    Array.from({ length: 10 }, async (_, n) => aPrompt(app, other, await aRoom(app, other), `Other ${n}`)),
  );
  const replies = await Promise.all(sent.map((accepted) => theReply(app, other, accepted)));
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set(['completed']));
}

it.each([
  ['person', 'SELECT FROM users WHERE id = $1 FOR UPDATE', () => somebody.id],
  ['room', 'SELECT FROM chatrooms WHERE id = $1 FOR UPDATE', (room: string) => room],
])(
  'a %s whom somebody holds holds up nobody else, and the prompt is stored afterwards',
  async (_what, lock, idOf) => {
    const room = await aRoom(app, somebody);
    const release = await hold(lock, idOf(room.id));
    let stored: Accepted | undefined;
    const sent = aPrompt(app, somebody, room, 'Held').then((accepted) => (stored = accepted));
    await expectOthersAreServed();
    expect(stored).toBeUndefined();
    await release();
    expect(await theReply(app, somebody, await sent)).toMatchObject({ status: 'completed' });
  },
);

it('a reply whose row is held when it is to be begun, and when it ends, is written all the same; others do not wait', async () => {
  const row = 'SELECT FROM messages WHERE id = $1 FOR UPDATE';
  app.gemini.pace({ firstTokenMs: 1500 });
  const room = await aRoom(app, somebody);
  const first = await aPrompt(app, somebody, room, 'Held at its end');
  const second = await aPrompt(app, somebody, room, 'Held at its beginning');
  await until('the model is asked', () => app.gemini.openRequests === 1);
  const releases = [await hold(row, first.reply.id), await hold(row, second.reply.id)];
  app.gemini.pace({ firstTokenMs: 0 });
  await until('the answer is there', () => app.gemini.openRequests === 0);
  await expectOthersAreServed();
  expect([await statusOf(first.reply.id), await statusOf(second.reply.id)]).toEqual(['streaming', 'pending']);
  for (const release of releases) await release();
  expect(await theReply(app, somebody, first)).toMatchObject({ status: 'completed' });
  expect(await theReply(app, somebody, second)).toMatchObject({ status: 'completed' });
});
