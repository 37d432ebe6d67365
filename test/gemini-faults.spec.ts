import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { RecordedRequest } from '../local/simulated-gemini/simulated-gemini.js';
import {
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

const MAX_ATTEMPTS = 4;

let app: TestApp;
let user: SignedIn;

beforeAll(async () => {
  app = await startTestApp({ GEMINI_TIMEOUT_MS: '250', REPLY_MAX_ATTEMPTS: String(MAX_ATTEMPTS) });
  user = await aUser(app, { tier: 'pro' });
});
afterEach(() => {
  app.gemini.behave();
});
afterAll(() => app.stop());

const callsOf = (prompt: string): RecordedRequest[] =>
  app.gemini.requests.filter(({ body }) => body.contents?.at(-1)?.parts[0]?.text === prompt);

async function isCharged(promptId: string | null): Promise<boolean> {
  const { rowCount } = await app.database.query('SELECT 1 FROM prompt_charges WHERE id = $1', [promptId]);
  return rowCount === 1;
}

it.each<[prompt: string, calls: number, outcome: string]>([
  // Another try can help, and does.
  ['[[503 x2]] a', 3, 'completed'],
  ['[[500 x1]] a', 2, 'completed'],
  ['[[500-array x1]] a', 2, 'completed'],
  ['[[502 x1]] a', 2, 'completed'],
  ['[[429 x1]] a', 2, 'completed'],
  ['[[truncate x3]] a', 4, 'completed'],
  ['[[truncate-frame x1]] a', 2, 'completed'],
  ['[[reset x1]] a', 2, 'completed'],
  ['[[error-mid-stream x1]] a', 2, 'completed'],
  ['[[empty x1]] a', 2, 'completed'],
  ['[[hang x1]] a', 2, 'completed'],
  ['[[stall x1]] a', 2, 'completed'],
  // Cut short by the token limit is an answer.
  ['[[max-tokens]] a', 1, 'completed'],
  // Another try does not help.
  ['[[503]] b', MAX_ATTEMPTS, 'MODEL_UNAVAILABLE'],
  ['[[429]] b', MAX_ATTEMPTS, 'MODEL_RATE_LIMITED'],
  ['[[truncate]] b', MAX_ATTEMPTS, 'MODEL_TRUNCATED'],
  ['[[reset]] b', MAX_ATTEMPTS, 'MODEL_UNAVAILABLE'],
  ['[[error-mid-stream]] b', MAX_ATTEMPTS, 'MODEL_UNAVAILABLE'],
  ['[[empty]] b', MAX_ATTEMPTS, 'MODEL_EMPTY'],
  ['[[hang]] b', MAX_ATTEMPTS, 'MODEL_TIMEOUT'],
  // Final at the first try.
  ['[[429-daily]] c', 1, 'MODEL_DAILY_QUOTA_EXHAUSTED'],
  ['[[400]] c', 1, 'MODEL_REJECTED'],
  ['[[too-long]] c', 1, 'CONTEXT_TOO_LONG'],
  ['[[block]] c', 1, 'PROMPT_BLOCKED'],
  ['[[block-answer]] c', 1, 'REPLY_BLOCKED'],
  ['[[unknown-finish]] c', 1, 'REPLY_BLOCKED'],
])(
  '“%s”: after %d calls the reply is %s, and charged only with an answer',
  async (prompt, calls, outcome) => {
    const accepted = await aPrompt(app, user, await aRoom(app, user), prompt);
    const reply = await theReply(app, user, accepted);
    expect(callsOf(prompt)).toHaveLength(calls);
    expect(reply.content).not.toContain('Reading the conversation');
    if (outcome === 'completed') {
      expect(reply).toMatchObject({ status: 'completed', content: expect.stringContaining('You said') });
      expect(reply.error).toBeUndefined();
      // Nothing of an attempt that failed is left in the answer.
      expect(reply.content.match(/You said/g)).toHaveLength(1);
    } else {
      expect(reply).toMatchObject({
        status: /BLOCKED/.test(outcome) ? 'blocked' : 'failed',
        content: '',
        error: { code: outcome, message: expect.stringMatching(/^The .+\.$/) },
        finishedAt: expect.any(String),
      });
    }
    expect(await isCharged(reply.promptId)).toBe(outcome === 'completed');
  },
);

it('waits as long as Gemini asks for', async () => {
  const prompt = '[[429 1.2 x1]] Hello';
  const reply = await theReply(app, user, await aPrompt(app, user, await aRoom(app, user), prompt));
  expect(reply).toMatchObject({ status: 'completed' });
  const [first, second] = callsOf(prompt);
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1200);
});

it('says why the model stopped, where there is an answer and where there is none', async () => {
  const [cut, blocked] = await Promise.all(
    ['[[max-tokens]] d', '[[block-answer]] d'].map(async (content) =>
      theReply(app, user, await aPrompt(app, user, await aRoom(app, user), content)),
    ),
  );
  expect(cut).toMatchObject({ finishReason: 'MAX_TOKENS' });
  expect(blocked).toMatchObject({ finishReason: 'SAFETY' });
});

it('what the model counted is kept where it gave no answer, and which model it was', async () => {
  const room = await aRoom(app, user);
  const blocked = await theReply(app, user, await aPrompt(app, user, room, '[[block]] f'));
  const withdrawn = await theReply(app, user, await aPrompt(app, user, room, '[[block-answer]] f'));
  const refused = await theReply(app, user, await aPrompt(app, user, room, '[[400]] f'));
  const unanswered = { model: 'gemini-3.8-flash', turnsLeftOut: 0, firstTokenMs: null, totalMs: null };
  const counted = expect.any(Number);
  expect(blocked).toMatchObject({ ...unanswered, promptTokens: counted, outputTokens: null });
  expect(withdrawn).toMatchObject({ ...unanswered, promptTokens: counted, outputTokens: counted });
  expect(refused).toMatchObject({ ...unanswered, promptTokens: null, outputTokens: null });
});

it('the latency is that of the call that answered', async () => {
  const accepted = await aPrompt(app, user, await aRoom(app, user), '[[hang x1]] g');
  const { status, firstTokenMs, totalMs } = await theReply(app, user, accepted);
  expect(status).toBe('completed');
  // The call before it took all of GEMINI_TIMEOUT_MS.
  expect(totalMs).toBeLessThan(250);
  expect(firstTokenMs).toBeLessThanOrEqual(totalMs ?? 0);
});

it('a call that hangs keeps nobody waiting but its own room', async () => {
  const rooms = await Promise.all([1, 2].map(() => aRoom(app, user)));
  const hanging = await aPrompt(app, user, rooms[0] as Room, '[[hang x3]] e');
  await until('the model is asked', () => callsOf('[[hang x3]] e').length > 0);
  const next = await aPrompt(app, user, rooms[0] as Room, 'Next in that room');
  expect(await theReply(app, user, await aPrompt(app, user, rooms[1] as Room, 'Elsewhere'))).toMatchObject({
    status: 'completed',
  });
  expect((await app.api.get<Message>(hanging.links.reply, user)).body.finishedAt).toBeNull();
  expect(await theReply(app, user, hanging)).toMatchObject({ status: 'completed' });
  expect(await theReply(app, user, next)).toMatchObject({ status: 'completed' });
  await until('no call is left open', () => app.gemini.openRequests === 0);
});
