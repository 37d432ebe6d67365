import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type Accepted, aPrompt, aRoom, aUser, type SignedIn, theReply } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

let app: TestApp;
/** More than there are batches at a time. */
let people: SignedIn[];
let other: SignedIn;

beforeAll(async () => {
  app = await startTestApp({ DATABASE_POOL_SIZE: '10' });
  people = await Promise.all([1, 2, 3].map(() => aUser(app, { tier: 'pro' })));
  other = await aUser(app, { tier: 'pro' });
});
afterAll(() => app.stop());
beforeEach(() => {
  app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
});

/** Keeps rows until it is called back, as a slow transaction does. */
async function hold(table: string, ids: readonly string[]): Promise<() => Promise<void>> {
  const holder = await app.database.connect();
  await holder.query('BEGIN');
  await holder.query(`SELECT FROM ${table} WHERE id = ANY($1) FOR UPDATE`, [ids]);
  return async () => {
    await holder.query('ROLLBACK');
    holder.release();
  };
}

const statusesOf = async (replies: readonly Accepted[]): Promise<Set<string>> => {
  const { rows } = await app.database.query<{ status: string }>(
    'SELECT status FROM messages WHERE id = ANY($1)',
    [replies.map(({ reply }) => reply.id)],
  );
  return new Set(rows.map(({ status }) => status));
};

/** What others ask for meanwhile is accepted and answered. */
async function expectOthersAreServed(): Promise<void> {
  const sent = await Promise.all(
    Array.from({ length: 10 }, async (_, n) => aPrompt(app, other, await aRoom(app, other), `Other ${n}`)),
  );
  const replies = await Promise.all(sent.map((accepted) => theReply(app, other, accepted)));
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set(['completed']));
}

const roomEach = () =>
  Promise.all(people.map(async (person) => ({ person, room: await aRoom(app, person) })));

it.each(['users', 'chatrooms'])(
  'rows of %s that somebody holds hold up nobody else, and the prompts are stored afterwards',
  async (table) => {
    const places = await roomEach();
    const release = await hold(
      table,
      places.map(({ person, room }) => (table === 'users' ? person.id : room.id)),
    );
    let stored = 0;
    const sent = places.map(async ({ person, room }) => {
      const accepted = await aPrompt(app, person, room, 'Held');
      stored += 1;
      return theReply(app, person, accepted);
    });
    await expectOthersAreServed();
    expect(stored).toBe(0);
    await release();
    for (const { status } of await Promise.all(sent)) expect(status).toBe('completed');
  },
);

it('replies whose rows are held when they are to be begun, or end, are written all the same; others do not wait', async () => {
  app.gemini.pace({ firstTokenMs: 1500 });
  const places = await roomEach();
  const send = (content: string) =>
    Promise.all(places.map(({ person, room }) => aPrompt(app, person, room, content)));
  const first = await send('Held at its end');
  const second = await send('Held at its beginning');
  await until('the model is asked', () => app.gemini.openRequests === people.length);
  const releases = [await hold('messages', idsOf(first)), await hold('messages', idsOf(second))];
  app.gemini.pace({ firstTokenMs: 0 });
  await until('the answers are there', () => app.gemini.openRequests === 0);
  await expectOthersAreServed();
  expect(await statusesOf(first)).toEqual(new Set(['streaming']));
  expect(await statusesOf(second)).toEqual(new Set(['pending']));
  for (const release of releases) await release();
  for (const [n, { person }] of places.entries()) {
    for (const accepted of [first[n], second[n]]) {
      expect(accepted && (await theReply(app, person, accepted))).toMatchObject({ status: 'completed' });
    }
  }
  // An answer that cannot be stored at once is not asked for again.
  const asked = app.gemini.requests.filter(({ body }) =>
    JSON.stringify(body.contents?.at(-1)).includes('Held at'),
  );
  expect(asked).toHaveLength(2 * people.length);
});

const idsOf = (accepted: readonly Accepted[]): string[] => accepted.map(({ reply }) => reply.id);
