import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { RecordedRequest } from '../local/simulated-gemini/simulated-gemini.js';
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

/** The smallest that the setting allows. */
const SMALLEST_BUDGET_TOKENS = 100;
const SMALLEST_BUDGET_CHARACTERS = 300;

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

/** Sends a prompt and waits for its answer. */
async function askFor(user: SignedIn, room: Room, content: string): Promise<Message> {
  const reply = await theReply(app, user, await aPrompt(app, user, room, content));
  expect(reply).toMatchObject({ status: 'completed' });
  return reply;
}

const ask = async (user: SignedIn, room: Room, content: string): Promise<string> =>
  (await askFor(user, room, content)).content;

/** As Postgres counts them. */
const charactersOf = (...texts: string[]): number => Array.from(texts.join('')).length;

const textsOf = (request: RecordedRequest | undefined): string[] =>
  (request?.body.contents ?? []).map(({ parts }) => parts.map((part) => part.text).join(''));

/** What the model was asked when this was the newest message. */
const requestFor = (prompt: string): RecordedRequest | undefined =>
  app.gemini.requests.find((request) => textsOf(request).at(-1) === prompt);

it('the third turn is answered from the first', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user);
  await ask(user, room, 'My name is Ada.');
  await ask(user, room, 'I like trains.');
  expect(await ask(user, room, 'What is my name?')).toBe('Your name is Ada.');
  const other = await aRoom(app, user);
  expect(await ask(user, other, 'What is my name?')).toContain('You have not told me your name');
});

it('the model gets the turns in order, roles alternating, and the instruction and model of the room', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user, {
    systemInstruction: 'Speak like a pirate.',
    model: 'gemini-3.5-flash-lite',
  });
  const first = await ask(user, room, 'Ahoy, one');
  const second = await ask(user, room, 'Ahoy, two');
  await ask(user, room, 'Ahoy, three');
  const request = requestFor('Ahoy, three');
  expect(request?.model).toBe('gemini-3.5-flash-lite');
  expect(request?.body.systemInstruction?.parts).toEqual([{ text: 'Speak like a pirate.' }]);
  expect(textsOf(request)).toEqual(['Ahoy, one', first, 'Ahoy, two', second, 'Ahoy, three']);
  expect(request?.body.contents?.map(({ role }) => role)).toEqual(['user', 'model', 'user', 'model', 'user']);

  await app.api.patch(`/v1/chatrooms/${room.id}`, { systemInstruction: null, model: null }, user);
  await ask(user, room, 'Ahoy, four');
  expect(requestFor('Ahoy, four')).toMatchObject({ model: 'gemini-3.8-flash' });
  expect(requestFor('Ahoy, four')?.body.systemInstruction).toBeUndefined();
});

it('a turn without an answer is left out of the history', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user);
  await ask(user, room, 'Question one');
  const blocked = await theReply(app, user, await aPrompt(app, user, room, '[[block]] two'));
  expect(blocked).toMatchObject({ status: 'blocked' });
  await ask(user, room, 'Question three');
  expect(textsOf(requestFor('Question three'))).toEqual([
    'Question one',
    expect.stringContaining('You said'),
    'Question three',
  ]);
});

it.each(['one after the other', 'all at once'])(
  'prompts sent %s into one room are answered one at a time, each knowing the ones before',
  async (how) => {
    const user = await aUser(app);
    const room = await aRoom(app, user);
    const contents = [1, 2, 3, 4, 5].map((n) => `[[slow 60]] ${how}: ${n}`);
    const sent: Accepted[] = [];
    if (how === 'all at once') {
      sent.push(...(await Promise.all(contents.map((content) => aPrompt(app, user, room, content)))));
    } else for (const content of contents) sent.push(await aPrompt(app, user, room, content));
    const before = app.gemini.requests.length;
    await Promise.all(sent.map((accepted) => theReply(app, user, accepted)));

    const inOrder = sent.toSorted((a, b) => (a.reply.id < b.reply.id ? -1 : 1));
    const replies = await Promise.all(inOrder.map((accepted) => theReply(app, user, accepted)));
    expect(app.gemini.requests.length - before).toBeLessThanOrEqual(5);
    for (const [n, { prompt }] of inOrder.entries()) {
      const earlier = replies.slice(0, n).flatMap((reply, i) => [inOrder[i]?.prompt.content, reply.content]);
      expect(textsOf(requestFor(prompt.content))).toEqual([...earlier, prompt.content]);
    }
    const times = replies.map((reply) => Date.parse(reply.finishedAt ?? ''));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  },
);

it('replies in different rooms do not wait for each other', async () => {
  const user = await aUser(app);
  const slow = await aPrompt(app, user, await aRoom(app, user), '[[slow 1200]] Hello');
  const others = await Promise.all(
    [1, 2, 3].map(async (n) => aPrompt(app, user, await aRoom(app, user), `room ${n}`)),
  );
  for (const accepted of others) {
    expect(await theReply(app, user, accepted)).toMatchObject({ status: 'completed' });
  }
  expect((await app.api.get(slow.links.reply, user)).body).toMatchObject({ status: 'streaming' });
  expect(await theReply(app, user, slow)).toMatchObject({ status: 'completed' });
});

it('no more than 200 turns are sent, and the reply says exactly how many were left out', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user);
  // 230 turns, of which every tenth has no answer.
  await app.database.query(
    `WITH prompts AS (
       INSERT INTO messages (user_id, id, chatroom_id, role, content, status)
       SELECT $1, ('01900000-0000-7000-8000-' || to_char(2 * n, 'FM000000000000'))::uuid, $2, 'user', 'p' || n, 'completed'
       FROM generate_series(1, 230) n
     )
     INSERT INTO messages (user_id, id, chatroom_id, role, content, status, prompt_id, charge_id)
     SELECT $1, ('01900000-0000-7000-8000-' || to_char(2 * n + 1, 'FM000000000000'))::uuid, $2, 'model',
       CASE WHEN n % 10 = 0 THEN '' ELSE 'r' || n END,
       CASE WHEN n % 10 > 0 THEN 'completed' WHEN n % 20 = 0 THEN 'failed' ELSE 'cancelled' END,
       prompt_id, prompt_id
     FROM generate_series(1, 230) n, LATERAL (
       SELECT ('01900000-0000-7000-8000-' || to_char(2 * n, 'FM000000000000'))::uuid AS prompt_id) prompt`,
    [user.id, room.id],
  );
  expect(await askFor(user, room, 'After 207 answered turns')).toMatchObject({ turnsLeftOut: 7 });
  const texts = textsOf(requestFor('After 207 answered turns'));
  expect(texts).toHaveLength(2 * 200 + 1);
  expect(texts.slice(0, 4)).toEqual(['p8', 'r8', 'p9', 'r9']);
  expect(texts.slice(-3)).toEqual(['p229', 'r229', 'After 207 answered turns']);
});

it('a reply says how long its call of the model took until its first text, and until its end', async () => {
  app.gemini.pace({ firstTokenMs: 150, chunkMs: 10 });
  const user = await aUser(app);
  const { firstTokenMs, totalMs } = await askFor(user, await aRoom(app, user), 'How long?');
  app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
  expect(firstTokenMs).toBeGreaterThanOrEqual(149);
  // Of its many frames all but the first two come later.
  expect(totalMs).toBeGreaterThanOrEqual((firstTokenMs ?? 0) + 50);
});

it('a history over the budget loses its oldest turns, whole', async () => {
  await app.process.stop();
  await app.restart({ CONTEXT_TOKEN_BUDGET: String(SMALLEST_BUDGET_TOKENS) });
  const user = await aUser(app, { tier: 'pro' });
  const room = await aRoom(app, user);
  const contents = ['My name is Ada.', 'What is my name?', 'x'.repeat(150), 'What is my name? Again.'];
  for (const content of contents) await ask(user, room, content);
  const texts = textsOf(requestFor('What is my name? Again.'));
  expect(texts.length).toBeLessThan(7);
  expect(texts.length % 2).toBe(1);
  expect(charactersOf(...texts)).toBeLessThanOrEqual(SMALLEST_BUDGET_CHARACTERS);

  // A prompt larger than the whole budget is sent alone, and its turn leaves no room for any other.
  expect(await askFor(user, room, 'y'.repeat(1000))).toMatchObject({ turnsLeftOut: 4 });
  expect(textsOf(requestFor('y'.repeat(1000)))).toEqual(['y'.repeat(1000)]);
  expect(await askFor(user, room, 'And now?')).toMatchObject({ turnsLeftOut: 5 });
  expect(textsOf(requestFor('And now?'))).toEqual(['And now?']);
});

it.each([
  ['no instruction', null],
  ['an instruction', 'Be brief 👋'],
])(
  'instruction, prompt and history together keep to the budget, to the character: %s',
  async (_what, text) => {
    const user = await aUser(app, { tier: 'pro' });
    for (const [over, turnsLeftOut] of [
      [0, 0],
      [1, 1],
    ] as const) {
      const room = await aRoom(app, user, { systemInstruction: text });
      const turn = charactersOf('Hi', await ask(user, room, 'Hi'));
      const left = SMALLEST_BUDGET_CHARACTERS - turn - charactersOf(text ?? '');
      expect(left).toBeGreaterThan(0);
      const prompt = String(over).repeat(left + over);
      expect(await askFor(user, room, prompt)).toMatchObject({ turnsLeftOut });
      const request = app.gemini.requests.findLast((one) => textsOf(one).at(-1) === prompt);
      expect(textsOf(request)).toHaveLength(turnsLeftOut === 0 ? 3 : 1);
      expect(request?.body.systemInstruction?.parts[0]?.text).toBe(text ?? undefined);
    }
  },
);
