import 'reflect-metadata';
import { getEventListeners } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../local/simulated-gemini/faults.js';
import { type SimulatedGemini, startSimulatedGemini } from '../../local/simulated-gemini/simulated-gemini.js';
import { Env } from '../config/env.js';
import type { GeminiChunk } from './gemini-chunk.js';
import { GeminiClient, type GeminiRequest } from './gemini.client.js';
import { GeminiAbortedError, GeminiError } from './gemini-error.js';

const REQUEST: GeminiRequest = {
  model: 'gemini-3.8-flash',
  systemInstruction: null,
  history: [],
  prompt: 'Hello',
};

let gemini: SimulatedGemini;

beforeEach(async () => {
  gemini = await startSimulatedGemini({ apiKey: 'a-key', firstTokenMs: 0, chunkMs: 0 });
});
afterEach(() => gemini.close());

function client(settings: Partial<Env> = {}): GeminiClient {
  return new GeminiClient(
    Object.assign(new Env(), { GEMINI_API_KEY: 'a-key', GEMINI_BASE_URL: gemini.url }, settings),
  );
}

async function collect(chunks: AsyncIterable<GeminiChunk>): Promise<GeminiChunk[]> {
  const collected: GeminiChunk[] = [];
  for await (const chunk of chunks) collected.push(chunk);
  return collected;
}

async function failure(chunks: AsyncIterable<GeminiChunk>): Promise<GeminiError> {
  const thrown: unknown = await collect(chunks).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(GeminiError);
  return thrown as GeminiError;
}

const never = (): AbortSignal => new AbortController().signal;

const openTimers = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('an answer', () => {
  it('comes in pieces without the thoughts, and ends with the reason and the counts', async () => {
    const chunks = await collect(client().stream(REQUEST, never()));
    expect(chunks.length).toBeGreaterThan(5);
    const text = chunks.map((chunk) => chunk.text).join('');
    expect(text).toMatch(
      /^You said: “Hello” 👋 .*très simple: set GEMINI_API_KEY to talk to the real one\.$/,
    );
    expect(text).not.toContain('Reading the conversation');
    expect(chunks.at(-1)).toMatchObject({
      finishReason: 'STOP',
      model: 'gemini-3.8-flash',
      promptTokens: expect.any(Number),
      outputTokens: expect.any(Number),
    });
    expect(chunks.slice(0, -1).every((chunk) => chunk.finishReason === null)).toBe(true);
  });

  it('is asked for with the conversation, the instruction and the longest length', async () => {
    const history = [{ prompt: 'My name is Ada', reply: 'Hello Ada' }];
    const request = { ...REQUEST, systemInstruction: 'Be brief.', history, prompt: 'What is my name?' };
    const chunks = await collect(client({ GEMINI_MAX_OUTPUT_TOKENS: 77 }).stream(request, never()));
    expect(chunks.map((chunk) => chunk.text).join('')).toContain('Your name is Ada.');
    expect(gemini.requests[0]?.body).toEqual({
      contents: [
        { role: 'user', parts: [{ text: 'My name is Ada' }] },
        { role: 'model', parts: [{ text: 'Hello Ada' }] },
        { role: 'user', parts: [{ text: 'What is my name?' }] },
      ],
      systemInstruction: { role: 'system', parts: [{ text: 'Be brief.' }] },
      generationConfig: { maxOutputTokens: 77 },
      safetySettings: [],
    });
  });

  it('keeps characters whole that the network cut in two', async () => {
    const prompt = '日本語 👩‍👩‍👧‍👦 שלום é '.repeat(8).trim();
    const chunks = await collect(client().stream({ ...REQUEST, prompt }, never()));
    expect(chunks.map((chunk) => chunk.text).join('')).toContain(prompt);
  });

  it('that reached the token limit is an answer', async () => {
    gemini.misbehave({ kind: 'max-tokens' });
    const chunks = await collect(client().stream(REQUEST, never()));
    expect(chunks.at(-1)?.finishReason).toBe('MAX_TOKENS');
  });
});

describe('a failure', () => {
  it.each<[Fault, object]>([
    [{ kind: 'rate-limited' }, { code: 'MODEL_RATE_LIMITED', retryable: true, retryAfterMs: undefined }],
    [
      { kind: 'rate-limited', retryAfterSeconds: 45.837906927 },
      { code: 'MODEL_RATE_LIMITED', retryable: true, retryAfterMs: 45_838 },
    ],
    [{ kind: 'daily-quota' }, { code: 'MODEL_DAILY_QUOTA_EXHAUSTED', retryable: false }],
    [{ kind: 'unavailable' }, { code: 'MODEL_UNAVAILABLE', retryable: true }],
    [{ kind: 'internal' }, { code: 'MODEL_UNAVAILABLE', retryable: true }],
    [
      { kind: 'internal', inArray: true },
      { code: 'MODEL_UNAVAILABLE', retryable: true },
    ],
    [{ kind: 'bad-gateway' }, { code: 'MODEL_UNAVAILABLE', retryable: true }],
    [{ kind: 'invalid' }, { code: 'MODEL_REJECTED', retryable: false }],
    [{ kind: 'context-too-long' }, { code: 'CONTEXT_TOO_LONG', retryable: false }],
    // Google counts what it blocks.
    [{ kind: 'blocked-prompt' }, { code: 'PROMPT_BLOCKED', retryable: false, usage: { promptTokens: 2 } }],
    [
      { kind: 'blocked-answer' },
      { code: 'REPLY_BLOCKED', finishReason: 'SAFETY', usage: { outputTokens: expect.any(Number) } },
    ],
    [
      { kind: 'unknown-finish-reason', finishReason: 'TIRED' },
      { code: 'REPLY_BLOCKED', retryable: false, finishReason: 'TIRED' },
    ],
    [{ kind: 'truncated' }, { code: 'MODEL_TRUNCATED', retryable: true }],
    [
      { kind: 'truncated', midFrame: true },
      { code: 'MODEL_UNAVAILABLE', retryable: true },
    ],
    [{ kind: 'reset' }, { code: 'MODEL_UNAVAILABLE', retryable: true }],
    [{ kind: 'error-mid-stream' }, { code: 'MODEL_UNAVAILABLE', retryable: true }],
  ])('of kind %j has its code, and says whether another try can help', async (fault, expected) => {
    gemini.misbehave(fault);
    expect(await failure(client().stream(REQUEST, never()))).toMatchObject(expected);
  });

  it.each<[deadline: string, fault: Fault | null, frames: boolean, settings: Partial<Env>]>([
    ['GEMINI_FIRST_BYTE_TIMEOUT_MS', { kind: 'hang' }, false, { GEMINI_FIRST_BYTE_TIMEOUT_MS: 60 }],
    ['GEMINI_FIRST_BYTE_TIMEOUT_MS', { kind: 'slow', ms: 5000 }, false, { GEMINI_FIRST_BYTE_TIMEOUT_MS: 60 }],
    ['GEMINI_IDLE_TIMEOUT_MS', { kind: 'stall' }, true, { GEMINI_IDLE_TIMEOUT_MS: 60 }],
    ['GEMINI_TIMEOUT_MS', { kind: 'hang' }, false, { GEMINI_TIMEOUT_MS: 60 }],
    ['GEMINI_TIMEOUT_MS', null, true, { GEMINI_TIMEOUT_MS: 200, GEMINI_IDLE_TIMEOUT_MS: 1000 }],
  ])(
    'to meet %s (%j) can be tried again, and closes the request',
    async (deadline, fault, frames, settings) => {
      // Without a fault: words that drip in, and never pause for long.
      if (fault === null) gemini.pace({ chunkMs: 20 });
      else gemini.misbehave(fault);
      const chunks: GeminiChunk[] = [];
      const listening = async (): Promise<void> => {
        for await (const chunk of client(settings).stream(REQUEST, never())) chunks.push(chunk);
      };
      const thrown: unknown = await listening().catch((error: unknown) => error);
      expect(thrown).toMatchObject({ code: 'MODEL_TIMEOUT', retryable: true });
      expect((thrown as GeminiError).cause).toMatchObject({ message: `${deadline} is over` });
      expect(chunks.length > 0).toBe(frames);
      await until(() => gemini.openRequests === 0);
      expect(gemini.requests[0]?.aborted).toBe(true);
    },
  );

  it('to meet a deadline is not the fault of a reader that takes its time', async () => {
    const chunks = client({ GEMINI_IDLE_TIMEOUT_MS: 40, GEMINI_FIRST_BYTE_TIMEOUT_MS: 2000 }).stream(
      REQUEST,
      never(),
    );
    await chunks.next();
    const read = performance.now();
    await until(() => performance.now() - read > 80);
    expect((await collect(chunks)).at(-1)?.finishReason).toBe('STOP');
  });

  it('after the finish reason takes nothing back from the answer', async () => {
    const frame = 'data: {"candidates":[{"content":{"parts":[{"text":"All."}]},"finishReason":"STOP"}]}\n\n';
    const silent = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(frame);
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const broken = await serve(`${frame}data: {"error":{"code":500}}\n\n`);
    for (const server of [silent, broken]) {
      const { port } = server.address() as AddressInfo;
      const settings = { GEMINI_BASE_URL: `http://127.0.0.1:${port}`, GEMINI_IDLE_TIMEOUT_MS: 30 };
      const chunks = await collect(client(settings).stream(REQUEST, never()));
      expect(chunks).toMatchObject([{ text: 'All.', finishReason: 'STOP' }]);
      server.close();
    }
  });

  it('of the key or of the model is final', async () => {
    const wrongKey = client({ GEMINI_API_KEY: 'another' }).stream(REQUEST, never());
    const wrongModel = client().stream({ ...REQUEST, model: 'claude' }, never());
    for (const call of [wrongKey, wrongModel]) {
      expect(await failure(call)).toMatchObject({ code: 'MODEL_REJECTED', retryable: false });
    }
  });

  it('in mid-stream is understood also where Google wraps it in an array', async () => {
    const server = await serve('data: [{"error":{"code":429,"details":[{"retryDelay":"2s"}]}}]\n\n');
    const { port } = server.address() as AddressInfo;
    const call = client({ GEMINI_BASE_URL: `http://127.0.0.1:${port}` }).stream(REQUEST, never());
    expect(await failure(call)).toMatchObject({ code: 'MODEL_RATE_LIMITED', retryAfterMs: 2000 });
    server.close();
  });

  it('to connect can be tried again', async () => {
    await gemini.close();
    const error = await failure(client().stream(REQUEST, never()));
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true });
  });

  it.each([
    'data: null\n\n',
    'data: 7\n\n',
    'data: []\n\n',
    'data: {"candidates":[null]}\n\n',
    'data: {\n\n',
  ])('to make sense, as in %j, is told from an answer', async (body) => {
    const server = await serve(body);
    const { port } = server.address() as AddressInfo;
    const call = client({ GEMINI_BASE_URL: `http://127.0.0.1:${port}` }).stream(REQUEST, never());
    expect(await failure(call)).toMatchObject({ retryable: true });
    server.close();
  });
});

describe('a call', () => {
  it('that is aborted before or while it is answered ends at once, and says so', async () => {
    const abort = new AbortController();
    gemini.misbehave({ kind: 'stall' });
    const chunks = client().stream(REQUEST, abort.signal);
    await chunks.next();
    abort.abort();
    await expect(collect(chunks)).rejects.toBeInstanceOf(GeminiAbortedError);
    await until(() => gemini.openRequests === 0);
    expect(gemini.requests[0]?.aborted).toBe(true);

    await expect(collect(client().stream(REQUEST, abort.signal))).rejects.toBeInstanceOf(GeminiAbortedError);
    expect(gemini.requests).toHaveLength(1);
  });

  it('leaves no timer, no connection and no listener behind, however it ends', async () => {
    const lifelong = new AbortController().signal;
    const before = openTimers();
    await collect(client().stream(REQUEST, lifelong));
    gemini.misbehave({ kind: 'unavailable' });
    await failure(client().stream(REQUEST, lifelong));
    gemini.misbehave({ kind: 'stall' }, 2);
    await failure(client({ GEMINI_IDLE_TIMEOUT_MS: 20 }).stream(REQUEST, lifelong));
    for await (const chunk of client().stream(REQUEST, lifelong)) {
      expect(getEventListeners(lifelong, 'abort')).toHaveLength(1);
      if (chunk.text !== '') break;
    }
    await until(() => gemini.openRequests === 0);
    expect(getEventListeners(lifelong, 'abort')).toHaveLength(0);
    expect(openTimers()).toBeLessThanOrEqual(before);
  });
});

async function serve(body: string): Promise<Server> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
