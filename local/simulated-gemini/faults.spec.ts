import type { GenerateContentResponse, GoogleGenerativeAIFetchError } from '@google/generative-ai';
import { describe, expect, it } from '@jest/globals';
import { DIRECTIVES } from './directives.js';
import type { Fault } from './faults.js';
import {
  answerOf,
  conversation,
  failureOf,
  gemini,
  model,
  streamed,
  until,
  useSimulatedGemini,
} from './spec-support.js';

useSimulatedGemini();

describe('faults', () => {
  const refusals: [Fault, number, RegExp][] = [
    [{ kind: 'rate-limited' }, 429, /exhausted/],
    [{ kind: 'rate-limited', retryAfterSeconds: 1.5 }, 429, /"retryDelay":"1.5s"/],
    [{ kind: 'daily-quota' }, 429, /"quotaId":"[^"]*PerDay/],
    [{ kind: 'unavailable' }, 503, /overloaded/],
    [{ kind: 'internal' }, 500, /internal error/],
    [{ kind: 'internal', inArray: true }, 500, /\] $/],
    [{ kind: 'bad-gateway' }, 502, /Bad Gateway/],
    [{ kind: 'invalid' }, 400, /invalid argument/],
    [{ kind: 'context-too-long' }, 400, /input token count .* exceeds the maximum/],
  ];
  it.each(refusals)('%j is a refusal, once', async (fault, status, message) => {
    gemini.misbehave(fault, 2);
    expect(await failureOf(model.generateContent('hi'))).toMatchObject({
      status,
      message: expect.stringMatching(message),
    });
    expect((await failureOf(model.generateContentStream('hi'))).status).toBe(status);
    expect(answerOf(await streamed('hi'))).toContain('“hi”');
  });

  const endings: [Fault, string | undefined][] = [
    [{ kind: 'blocked-answer' }, 'SAFETY'],
    [{ kind: 'blocked-answer', finishReason: 'SPII' }, 'SPII'],
    [{ kind: 'truncated' }, undefined],
    [{ kind: 'max-tokens' }, 'MAX_TOKENS'],
    [{ kind: 'unknown-finish-reason' }, 'TIRED_OF_TALKING'],
    [{ kind: 'slow', ms: 1 }, 'STOP'],
  ];
  it.each(endings)('%j sends text and ends with %j', async (fault, finishReason) => {
    gemini.misbehave(fault, 2);
    const chunks = await streamed('hi');
    const { response } = await model.generateContent('hi');
    expect(answerOf(chunks)).toMatch(/^You said: “hi” 👋 I received 1 turn of this/);
    expect(answerOf([response])).toBe(answerOf(chunks));
    expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe(finishReason);
    expect(response.candidates?.[0]?.finishReason).toBe(finishReason);
  });

  it('empty finishes with no text', async () => {
    gemini.misbehave({ kind: 'empty' }, 2);
    const chunks = await streamed('hi');
    const { response } = await model.generateContent('hi');
    expect(answerOf(chunks)).toBe('');
    expect(answerOf([response])).toBe('');
    expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe('STOP');
  });

  it('blocked-prompt has a reason and no candidates', async () => {
    gemini.misbehave({ kind: 'blocked-prompt', blockReason: 'PROHIBITED_CONTENT' }, 2);
    const [only, ...rest] = await streamed('hi');
    const { response } = await model.generateContent('hi');
    expect(rest).toEqual([]);
    for (const answer of [only, response]) {
      expect(answer).not.toHaveProperty('candidates');
      expect(answer?.promptFeedback?.blockReason).toBe('PROHIBITED_CONTENT');
    }
  });

  it('error-mid-stream is a frame after some text, and a 500 for a unary call', async () => {
    gemini.misbehave({ kind: 'error-mid-stream' }, 2);
    const chunks = await streamed('hi');
    expect(answerOf(chunks)).toContain('“hi”');
    expect(chunks.at(-1)).toMatchObject({ error: { code: 500, status: 'INTERNAL' } });
    expect((await failureOf(model.generateContent('hi'))).status).toBe(500);
  });

  it.each<Fault>([{ kind: 'reset' }, { kind: 'truncated', midFrame: true }])(
    '%j breaks off inside a frame, after some text',
    async (fault) => {
      gemini.misbehave(fault);
      const chunks: GenerateContentResponse[] = [];
      await expect(streamed('hi', chunks)).rejects.toThrow();
      expect(answerOf(chunks)).toContain('“hi”');
      await until(() => gemini.openRequests === 0);
      expect(gemini.requests.at(-1)?.aborted).toBe(false);
      gemini.misbehave(fault);
      await expect(model.generateContent('hi')).rejects.toThrow();
    },
  );

  it('hang answers nothing until the client goes away, and that is recorded', async () => {
    gemini.misbehave({ kind: 'hang' });
    const leaving = new AbortController();
    const call = model.generateContentStream('hi', { signal: leaving.signal });
    await until(() => gemini.openRequests === 1 && gemini.requests.length === 1);
    leaving.abort();
    await expect(call).rejects.toThrow(/aborted/);
    await until(() => gemini.openRequests === 0);
    expect(gemini.requests[0]?.aborted).toBe(true);
  });

  it('stall sends some text and then nothing until the client goes away', async () => {
    gemini.misbehave({ kind: 'stall' });
    const leaving = new AbortController();
    const chunks: GenerateContentResponse[] = [];
    const reading = streamed('hi', chunks, leaving.signal);
    // The SDK loses the name of an abort once it has read a chunk.
    const outcome = expect(reading).rejects.toThrow(/Error reading from the stream/);
    await until(() => answerOf(chunks).includes('“hi”'));
    gemini.misbehave({ kind: 'reset' });
    await expect(streamed('breaks off while the other stays open')).rejects.toThrow();
    await until(() => gemini.openRequests === 1);
    leaving.abort();
    await outcome;
    await until(() => gemini.requests[0]?.aborted === true);
  });

  it('queues up, counts down and can be called off', async () => {
    gemini.misbehave({ kind: 'unavailable' });
    gemini.misbehave({ kind: 'internal' }, Infinity);
    expect((await failureOf(model.generateContent('hi'))).status).toBe(503);
    expect((await failureOf(model.generateContent('hi'))).status).toBe(500);
    expect((await failureOf(model.generateContent('hi'))).status).toBe(500);
    gemini.behave();
    await model.generateContent('hi');
    gemini.misbehave({ kind: 'internal' }, 0);
    await model.generateContent('hi');
  });
});

describe('directives', () => {
  it.each([
    ['please [[503]]', 503],
    ['[[429 1.5]] please', 429],
    ['[[429-DAILY]]', 429],
    ['[[too-long]]', 400],
  ])('%s fails each time', async (message, status) => {
    expect((await failureOf(model.generateContent(message))).status).toBe(status);
    expect((await failureOf(model.generateContent(message))).status).toBe(status);
  });

  it('a count fails so many calls with that same conversation, then answers', async () => {
    const failing = (message: string): Promise<number | undefined> =>
      model.generateContent(message).then(
        () => 200,
        (error: unknown) => (error as GoogleGenerativeAIFetchError).status,
      );
    const statuses = [];
    for (let call = 0; call < 4; call += 1) {
      statuses.push([await failing('[[503 x2]]'), await failing('another [[429 3 x1]]')]);
    }
    expect(statuses).toEqual([
      [503, 429],
      [503, 200],
      [200, 429],
      [503, 200],
    ]);
  });

  it('counts only in the newest message', async () => {
    const { response } = await model.generateContent({ contents: conversation('[[503]]', 'and now?') });
    expect(answerOf([response])).toContain('“and now?”');
  });

  it('answers a message with a directive that does not exist', async () => {
    expect(answerOf([(await model.generateContent('[[nonsense]] [[]]')).response])).toContain('[[nonsense]]');
  });

  it('offers every fault by a name of its own', () => {
    expect(new Set(DIRECTIVES.map(({ name }) => name)).size).toBe(DIRECTIVES.length);
    expect(new Set(DIRECTIVES.map((directive) => directive.fault(undefined).kind)).size).toBe(18);
    for (const { name, does } of DIRECTIVES) expect(`${name} ${does}`).toMatch(/^[a-z0-9-]+ \S/);
  });
});
