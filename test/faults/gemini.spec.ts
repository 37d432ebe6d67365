import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';
import { theAftermath } from './support/aftermath.js';
import { aCrowd, CROWD_SETTINGS, sendAll } from './support/crowd.js';
import { watch } from './support/watching.js';

/** What a person types (see local/simulated-gemini/directives.ts), and how the reply must end. */
const MIX: readonly [prompt: string, status: string, errorCode?: string][] = [
  ['nothing wrong', 'completed'],
  // The simulation cuts what it sends inside its characters of several bytes.
  ['日本語 👩‍👩‍👧‍👦 שלום é', 'completed'],
  ['[[429 0.4 x1]]', 'completed'],
  ['[[429 x2]]', 'completed'],
  ['[[503 x2]]', 'completed'],
  ['[[502 x1]]', 'completed'],
  ['[[hang x1]]', 'completed'],
  ['[[stall x1]]', 'completed'],
  ['[[truncate x2]]', 'completed'],
  ['[[truncate-frame x1]]', 'completed'],
  ['[[reset x1]]', 'completed'],
  ['[[error-mid-stream x2]]', 'completed'],
  ['[[empty x1]]', 'completed'],
  ['[[max-tokens]]', 'completed'],
  ['[[block]]', 'blocked', 'PROMPT_BLOCKED'],
  ['[[block-answer]]', 'blocked', 'REPLY_BLOCKED'],
  ['[[unknown-finish]]', 'blocked', 'REPLY_BLOCKED'],
  ['[[429-daily]]', 'failed', 'MODEL_DAILY_QUOTA_EXHAUSTED'],
  ['[[400]]', 'failed', 'MODEL_REJECTED'],
  ['[[error-mid-stream]]', 'failed', 'MODEL_UNAVAILABLE'],
  ['[[hang]]', 'failed', 'MODEL_TIMEOUT'],
];
/** Calls that are refused first of all, whatever they say. */
const STORM = 150;

let app: TestApp;

beforeAll(async () => {
  // One try more than any of these needs, and two for calls of the storm.
  app = await startTestApp({ ...CROWD_SETTINGS, GEMINI_TIMEOUT_MS: '1500', REPLY_MAX_ATTEMPTS: '5' });
});
afterAll(() => app.stop());

it('everything that can go wrong with the model, at once: each reply ends as it must', async () => {
  app.gemini.misbehave({ kind: 'rate-limited', retryAfterSeconds: 0.6 }, STORM);
  const crowd = await aCrowd(app);
  const kindOf = (n: number) => MIX[n % MIX.length] ?? ['', ''];
  const contents = crowd.map((_, n) => `${kindOf(n)[0]} ${n}`);
  const sent = await sendAll(crowd, [app.api], (n) => contents[n] ?? '').all;
  const watchers = watch(sent, [app.api]);
  const { rows } = await theAftermath('a model with every fault', { ...scene() }, sent, {
    watchers,
    note: `${STORM} calls in the storm of 429`,
  });
  const { rows: ended } = await app.database.query<{ id: string; error_code: string | null }>(
    'SELECT id, error_code FROM messages WHERE id = ANY($1)',
    [sent.map(({ reply }) => reply.id)],
  );
  const codes = new Map(ended.map(({ id, error_code }) => [id, error_code]));
  const found = sent.map(({ prompt, reply }) => {
    const row = rows.find(({ prompt_id }) => prompt_id === prompt.id);
    return [prompt.content, row?.status, codes.get(reply.id) ?? undefined];
  });
  const expected = contents.map((content, n) => [content, kindOf(n)[1], kindOf(n)[2]]);
  expect(found).toEqual(expected);
  for (const { content, status, prompt_id } of rows.filter((row) => row.status === 'completed')) {
    const asked = sent.find(({ prompt }) => prompt.id === prompt_id)?.prompt.content ?? '';
    expect({ status, content }).toMatchObject({ content: expect.stringContaining(`You said: “${asked}”`) });
    expect(content?.match(/You said/g)).toHaveLength(1);
    // To its last word, but where the model itself stopped.
    if (!asked.includes('max-tokens')) expect(content).toMatch(/to talk to the real one\.$/);
  }
  await until('no call is left open', () => app.gemini.openRequests === 0);
});

const scene = () => ({ api: app.api, database: app.database, redisUrl: app.redis.url });
