import {
  GoogleGenerativeAI,
  GoogleGenerativeAIFetchError,
  type Content,
  type GenerateContentResponse,
  type GenerativeModel,
} from '@google/generative-ai';
import { afterEach, beforeEach } from '@jest/globals';
import { startSimulatedGemini, type SimulatedGemini } from './simulated-gemini.js';

/** A fresh one for each test, as fast as it can be. */
export let gemini: SimulatedGemini;
/** The real SDK's model, talking to it. */
export let model: GenerativeModel;

export function useSimulatedGemini(): void {
  beforeEach(async () => {
    gemini = await startSimulatedGemini({ apiKey: 'a-key', firstTokenMs: 0, chunkMs: 0 });
    model = modelWith('a-key');
  });
  afterEach(() => gemini.close());
}

export function modelWith(key: string): GenerativeModel {
  return new GoogleGenerativeAI(key).getGenerativeModel(
    { model: 'gemini-3.8-flash' },
    { baseUrl: gemini.url },
  );
}

/** Turns that begin and end with the person, the model's in between. */
export function conversation(...said: string[]): Content[] {
  return said.flatMap((text, index) => [
    ...(index > 0 ? [{ role: 'model', parts: [{ text: 'ok' }] }] : []),
    { role: 'user', parts: [{ text }] },
  ]);
}

export async function streamed(
  message: string,
  into: GenerateContentResponse[] = [],
  signal?: AbortSignal,
): Promise<GenerateContentResponse[]> {
  const { stream, response } = await model.generateContentStream(message, signal && { signal });
  response.catch(() => undefined);
  for await (const chunk of stream) into.push(chunk);
  return into;
}

/** What a person should read: the text that is not thought. */
export function answerOf(responses: GenerateContentResponse[]): string {
  return responses
    .flatMap((response) => response.candidates?.[0]?.content.parts ?? [])
    .map((part) => ((part as { thought?: boolean }).thought ? '' : (part.text ?? '')))
    .join('');
}

export async function failureOf(call: Promise<unknown>): Promise<GoogleGenerativeAIFetchError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof GoogleGenerativeAIFetchError) return error;
  throw new Error(`expected an HTTP error, got ${String(error)}`);
}

export function post(path: string, body: object | string): Promise<Response> {
  return fetch(`${gemini.url}/v1beta/models/${path}`, {
    method: 'POST',
    headers: { 'x-goog-api-key': 'a-key' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

export async function bytesOf(message: string): Promise<Uint8Array[]> {
  const response = await post('gemini-3.8-flash:streamGenerateContent?alt=sse', {
    contents: conversation(message),
  });
  const writes: Uint8Array[] = [];
  for await (const bytes of response.body as AsyncIterable<Uint8Array>) writes.push(bytes);
  return writes;
}

/** Waits for the condition itself, at most as long as Jest lets a test take: a loop left behind would keep Jest alive. */
export async function until(condition: () => boolean, deadlineMs = 4_000): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not so within ${deadlineMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
