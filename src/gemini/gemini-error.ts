import type { ReplyErrorCode } from '../messages/reply-error.js';
import type { GeminiUsage } from './gemini-chunk.js';

/** A call to Gemini that gave no answer: why, and whether another try can help. */
export class GeminiError extends Error {
  constructor(
    readonly code: ReplyErrorCode,
    readonly retryable: boolean,
    options: {
      /** What Gemini asked to wait (RetryInfo), ms. */
      retryAfterMs?: number;
      /** What Gemini named as the reason to stop. */
      finishReason?: string;
      /** Of the response that ended the call: Google counts tokens of what it blocks, too. */
      usage?: GeminiUsage;
      cause?: unknown;
    } = {},
  ) {
    super(code, { cause: options.cause });
    this.name = 'GeminiError';
    this.retryAfterMs = options.retryAfterMs;
    this.finishReason = options.finishReason ?? null;
    this.usage = options.usage;
  }

  readonly retryAfterMs: number | undefined;
  readonly finishReason: string | null;
  readonly usage: GeminiUsage | undefined;
}

/** The call was given up because the process stops, not because anything is wrong with it. */
export class GeminiAbortedError extends Error {
  override readonly name = 'GeminiAbortedError';
}
