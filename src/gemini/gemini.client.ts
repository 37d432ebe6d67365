import {
  type Content,
  type ErrorDetails,
  type GenerateContentStreamResult,
  GoogleGenerativeAI,
  GoogleGenerativeAIFetchError,
} from '@google/generative-ai';
import { Injectable } from '@nestjs/common';
import { Env } from '../config/env.js';
import { CallRecord } from './call-record.js';
import { CallDeadlines } from './call-deadlines.js';
import type { GeminiChunk, GeminiUsage } from './gemini-chunk.js';
import { GeminiAbortedError, GeminiError } from './gemini-error.js';

export interface GeminiRequest {
  model: string;
  systemInstruction: string | null;
  /** Whole turns, oldest first. */
  history: readonly { prompt: string; reply: string }[];
  prompt: string;
  /** Longest answer, tokens; the setting GEMINI_MAX_OUTPUT_TOKENS unless given. */
  maxOutputTokens?: number;
}

/** Reasons to stop that leave an answer; with any other one, known or not, there is none to show. */
const ANSWERED = new Set(['STOP', 'MAX_TOKENS']);

/**
 * Google's Gemini API. The SDK is frozen upstream, so everything about its quirks is in this file:
 * - `text()` throws on blocks and mixes the model's thoughts in: parts are read here.
 * - a stream that ends without a finish reason is not noticed: it is a truncation.
 * - an error frame in mid-stream, bare or in an array, is passed on as a response without candidates.
 * - an abort in mid-stream looks like a network error, and leaving the loop does not close the request.
 * - the aggregated `response` promise rejects on its own when the stream fails, unhandled unless it is caught.
 * - its own timeout never clears its timer, and it does not look at a signal that was aborted before: ours are used.
 *   (Not `AbortSignal.any`: with a signal that lives as long as the process, Node 20 keeps 1 to 3 KB of each call.)
 * - only HTTP errors have a status; everything else is an error with a sentence.
 */
@Injectable()
export class GeminiClient {
  private readonly sdk: GoogleGenerativeAI;

  constructor(private readonly env: Env) {
    this.sdk = new GoogleGenerativeAI(env.GEMINI_API_KEY);
  }

  /**
   * Streams one answer; the last chunk has the finish reason and the token counts.
   *
   * @throws GeminiError when there is no (whole) answer, GeminiAbortedError when `abort` fired
   */
  async *stream(request: GeminiRequest, abort: AbortSignal): AsyncGenerator<GeminiChunk> {
    const record = new CallRecord(request.model);
    const call = new AbortController();
    const giveUp = (): void => {
      call.abort();
    };
    const deadlines = new CallDeadlines(this.env, (reason) => {
      call.abort(reason);
    });
    abort.addEventListener('abort', giveUp);
    let [finished, readToEnd] = [false, false];
    try {
      abort.throwIfAborted();
      for await (const response of await this.open(request, call.signal)) {
        deadlines.rest();
        const chunk = readChunk(response);
        finished ||= chunk.finishReason !== null;
        record.add(chunk);
        yield chunk;
        deadlines.expectFrame();
      }
      readToEnd = true;
      if (!finished) throw new GeminiError('MODEL_TRUNCATED', true);
    } catch (error) {
      // The answer is whole: what is wrong with the connection after it takes nothing back.
      if (finished) return;
      const reason = reasonOf(error, abort, call.signal);
      record.failed(reason);
      throw reason;
    } finally {
      deadlines.end();
      abort.removeEventListener('abort', giveUp);
      // Closes the request when the answer was left half-way; else it would cost the connection, and an exception.
      if (!readToEnd) call.abort();
      record.end();
    }
  }

  private async open(
    request: GeminiRequest,
    signal: AbortSignal,
  ): Promise<GenerateContentStreamResult['stream']> {
    const model = this.sdk.getGenerativeModel(
      {
        model: request.model,
        generationConfig: { maxOutputTokens: request.maxOutputTokens ?? this.env.GEMINI_MAX_OUTPUT_TOKENS },
        ...(request.systemInstruction === null ? {} : { systemInstruction: request.systemInstruction }),
      },
      { baseUrl: this.env.GEMINI_BASE_URL },
    );
    const { stream, response } = await model.generateContentStream(
      { contents: toContents(request) },
      { signal },
    );
    response.catch(() => undefined);
    return stream;
  }
}

/** @param call aborted by `abort`, or with the deadline that was missed */
function reasonOf(error: unknown, abort: AbortSignal, call: AbortSignal): GeminiError | GeminiAbortedError {
  if (abort.aborted) return new GeminiAbortedError();
  if (call.aborted) return new GeminiError('MODEL_TIMEOUT', true, { cause: call.reason });
  return toGeminiError(error);
}

function toContents({ history, prompt }: GeminiRequest): Content[] {
  return [
    ...history.flatMap((turn) => [
      { role: 'user', parts: [{ text: turn.prompt }] },
      { role: 'model', parts: [{ text: turn.reply }] },
    ]),
    { role: 'user', parts: [{ text: prompt }] },
  ];
}

/** What the wire holds, some of which the SDK's types do not know. */
interface WireResponse {
  candidates?: { content?: { parts?: { text?: string; thought?: boolean }[] }; finishReason?: string }[];
  promptFeedback?: { blockReason?: string };
  usageMetadata?: { promptTokenCount?: number; candidatesTokenCount?: number };
  modelVersion?: string;
  error?: { code?: number; message?: string; details?: ErrorDetails[] };
}

/** @param frame one response of the stream; Google sometimes wraps an error in an array */
function readChunk(frame: unknown): GeminiChunk {
  const response = (Array.isArray(frame) ? frame[0] : frame) as WireResponse;
  if (response.error) {
    throw errorOfStatus(response.error.code ?? 500, response.error.message ?? '', response.error.details);
  }
  const usage: GeminiUsage = {
    model: response.modelVersion ?? null,
    promptTokens: response.usageMetadata?.promptTokenCount ?? null,
    outputTokens: response.usageMetadata?.candidatesTokenCount ?? null,
  };
  const candidate = response.candidates?.[0];
  if (candidate === undefined && response.promptFeedback?.blockReason)
    throw new GeminiError('PROMPT_BLOCKED', false, { usage });
  const finishReason = candidate?.finishReason ?? null;
  if (finishReason !== null && !ANSWERED.has(finishReason)) {
    throw new GeminiError('REPLY_BLOCKED', false, { finishReason, usage });
  }
  const parts = candidate?.content?.parts ?? [];
  return {
    text: parts.map((part) => (part.thought ? '' : (part.text ?? ''))).join(''),
    finishReason,
    ...usage,
  };
}

function toGeminiError(error: unknown): GeminiError {
  if (error instanceof GeminiError) return error;
  if (error instanceof GoogleGenerativeAIFetchError && error.status !== undefined) {
    return errorOfStatus(error.status, error.message, error.errorDetails, error);
  }
  // The network, or a body that is no answer: the next call may meet neither.
  return new GeminiError('MODEL_UNAVAILABLE', true, { cause: error });
}

function errorOfStatus(
  status: number,
  message: string,
  details: ErrorDetails[] = [],
  cause?: unknown,
): GeminiError {
  if (status === 429) {
    if (JSON.stringify(details).includes('PerDay'))
      return new GeminiError('MODEL_DAILY_QUOTA_EXHAUSTED', false, { cause });
    return new GeminiError('MODEL_RATE_LIMITED', true, { cause, ...readRetryDelay(details) });
  }
  if (status >= 500 || status === 408) return new GeminiError('MODEL_UNAVAILABLE', true, { cause });
  if (/input token count.*exceeds the maximum/i.test(message))
    return new GeminiError('CONTEXT_TOO_LONG', false, { cause });
  return new GeminiError('MODEL_REJECTED', false, { cause });
}

/** google.rpc.RetryInfo: `"retryDelay": "45.837906927s"`. */
function readRetryDelay(details: ErrorDetails[]): { retryAfterMs?: number } {
  const delay = details.find((detail) => typeof detail.retryDelay === 'string')?.retryDelay;
  const seconds = Number.parseFloat(String(delay));
  return Number.isFinite(seconds) ? { retryAfterMs: Math.ceil(seconds * 1000) } : {};
}
