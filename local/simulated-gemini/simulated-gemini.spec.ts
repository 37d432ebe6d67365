import type { GenerateContentResponse } from '@google/generative-ai';
import { describe, expect, it } from '@jest/globals';
import { startSimulatedGemini } from './simulated-gemini.js';
import {
  answerOf,
  bytesOf,
  conversation,
  failureOf,
  gemini,
  model,
  modelWith,
  post,
  streamed,
  until,
  useSimulatedGemini,
} from './spec-support.js';

useSimulatedGemini();

describe('bytes', () => {
  it('splits some writes inside a character and some inside a frame, and joins others', async () => {
    gemini.pace({ chunkMs: 1 });
    const writes = await bytesOf('hello there, and a good day');
    const startsInsideCharacter = writes.filter((bytes) => ((bytes[0] ?? 0) & 0b1100_0000) === 0b1000_0000);
    const frames = writes.map(
      (bytes) =>
        Buffer.from(bytes)
          .toString()
          .match(/data: /g)?.length ?? 0,
    );
    expect(startsInsideCharacter.length).toBeGreaterThan(1);
    expect(frames).toContain(0);
    expect(frames.some((count) => count > 1)).toBe(true);
    const text = Buffer.concat(writes).toString();
    expect(text).not.toContain('\uFFFD');
    expect(text).toMatch(/^data: \{/);
    expect(text.endsWith('}\r\n\r\n')).toBe(true);
    expect(text).not.toContain('[DONE]');
  });

  it('sends whole frames where writes are not to be cut', async () => {
    gemini.pace({ chunkMs: 1, cutsWrites: false });
    const writes = await bytesOf('hello there, and a good day');
    expect(writes.length).toBeGreaterThan(5);
    expect(writes.filter((bytes) => !Buffer.from(bytes).toString().endsWith('}\r\n\r\n'))).toEqual([]);
  });

  it('sends the same frames for the same conversation', async () => {
    const [first, second] = [await bytesOf('again'), await bytesOf('again')];
    const frames = (writes: Uint8Array[]): string => Buffer.concat(writes).toString();
    expect(frames(second).replaceAll('simulated-2', 'simulated-1')).toBe(frames(first));
  });

  it('escapes line separators, which would end a frame for some readers', async () => {
    const text = Buffer.concat(await bytesOf('one\u2028two <b>')).toString();
    expect(text).toContain('one\\u2028');
    expect(text).toContain('\\u003cb\\u003e');
    expect(answerOf(await streamed('one\u2028two <b>'))).toContain('one\u2028two <b>');
  });

  it('streams one JSON array to a client that does not ask for events', async () => {
    const response = await post('gemini-x:streamGenerateContent', { contents: conversation('hello') });
    expect(answerOf((await response.json()) as GenerateContentResponse[])).toContain('“hello”');
  });
});

describe('refusals', () => {
  it('refuses a wrong key as Google does', async () => {
    const error = await failureOf(modelWith('wrong').generateContent('hi'));
    expect(error).toMatchObject({ status: 400 });
    expect(error.errorDetails?.[0]).toMatchObject({ reason: 'API_KEY_INVALID', domain: 'googleapis.com' });
  });

  it.each([
    ['no contents', {}, /contents is not specified/],
    ['empty contents', { contents: [] }, /contents is not specified/],
    [
      'an unknown role',
      { contents: [{ role: 'system', parts: [{ text: 'x' }] }] },
      /valid role: user, model/,
    ],
    ['a model turn last', { contents: conversation('a', 'b').slice(0, 2) }, /end with a user role/],
    ['no parts', { contents: [{ role: 'user', parts: [] }] }, /must not be empty/],
    ['an empty part', { contents: [{ role: 'user', parts: [{}] }] }, /one initialized field/],
    ['a number as text', { contents: [{ role: 'user', parts: [{ text: 1 }] }] }, /TYPE_STRING/],
    ['bad JSON', '{"contents":', /Invalid JSON payload/],
    ['an array', '[]', /Invalid JSON payload/],
  ])('refuses %s with 400 INVALID_ARGUMENT', async (_, body, message) => {
    const response = await post('gemini-3.8-flash:generateContent', body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 400, status: 'INVALID_ARGUMENT', message: expect.stringMatching(message) },
    });
  });

  it.each(['gpt-4:generateContent', 'Gemini-X:generateContent', 'gemini-x:embedContent', 'gemini-x'])(
    'does not find %s',
    async (path) => {
      const response = await post(path, { contents: conversation('hi') });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { code: 404, status: 'NOT_FOUND' } });
    },
  );
});

describe('bookkeeping', () => {
  it('records each call as it was sent', async () => {
    await model.generateContent('one');
    await streamed('two');
    await model.countTokens('three');
    await post('gemini-x:generateContent', '{');
    expect(gemini.requests.map(({ method }) => method)).toEqual([
      'generateContent',
      'streamGenerateContent',
      'countTokens',
      'generateContent',
    ]);
    expect(gemini.requests[1]).toMatchObject({
      model: 'gemini-3.8-flash',
      aborted: false,
      body: { contents: conversation('two') },
    });
    expect(gemini.requests[3]?.body).toEqual({});
    expect(Math.abs(Date.now() - (gemini.requests[0]?.at ?? 0))).toBeLessThan(60_000);
  });

  it('holds 1,000 open calls at little cost', async () => {
    gemini.pace({ firstTokenMs: 3_000 });
    const calls = Array.from({ length: 1_000 }, (_, index) => streamed(`call ${index}`));
    await until(() => gemini.openRequests === 1_000, 30_000);
    const before = process.cpuUsage();
    const waited = process.hrtime.bigint();
    const answers = await Promise.all(calls);
    const cpuMs = (process.cpuUsage(before).user + process.cpuUsage(before).system) / 1_000;
    expect(answers.map(answerOf).every((text, index) => text.includes(`“call ${index}”`))).toBe(true);
    expect(gemini.maxOpenRequests).toBe(1_000);
    expect(cpuMs).toBeLessThan(20_000);
    expect(Number(process.hrtime.bigint() - waited) / 1e9).toBeLessThan(30);
    await until(() => gemini.openRequests === 0);
  }, 60_000);

  it('close breaks open calls and frees the port', async () => {
    gemini.misbehave({ kind: 'hang' });
    const outcome = expect(model.generateContent('hi')).rejects.toThrow();
    await until(() => gemini.openRequests === 1);
    await gemini.close();
    await outcome;
    const { url } = gemini;
    const again = await startSimulatedGemini({
      port: Number(new URL(url).port),
      firstTokenMs: 0,
      chunkMs: 0,
    });
    expect(again.url).toBe(url);
    await modelWith('any key will do').generateContent('hi');
    await again.close();
  });
});
