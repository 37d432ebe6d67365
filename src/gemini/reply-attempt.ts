import { UNASKED } from '../messages/message.entity.js';
import type { ReplyOutcome } from '../messages/replies.repository.js';
import type { ReplyErrorCode } from '../messages/reply-error.js';
import type { GeminiChunk, GeminiUsage } from './gemini-chunk.js';
import { GeminiError } from './gemini-error.js';

/** What is known of one try at a reply, and the outcome that is made of it. */
export class ReplyAttempt {
  /** When the first word came, epoch ms; null while there is none. */
  firstTokenAt: number | null = null;
  private content = '';
  private finishReason: string | null = null;
  private promptTokens: number | null = null;
  private outputTokens: number | null = null;
  private calledAt = 0;
  private firstTokenMs: number | null = null;
  private totalMs: number | null = null;

  /** @param model that is asked; the version that answers takes its place */
  constructor(
    private model: string,
    private readonly turnsLeftOut: number,
  ) {}

  /** The call begins; latencies count from here. */
  begin(): void {
    this.calledAt = performance.now();
  }

  add(chunk: GeminiChunk): void {
    this.totalMs = Math.round(performance.now() - this.calledAt);
    if (chunk.text !== '') {
      this.firstTokenMs ??= this.totalMs;
      this.firstTokenAt ??= Date.now();
    }
    this.content += chunk.text;
    this.finishReason = chunk.finishReason ?? this.finishReason;
    this.count(chunk);
  }

  /** @throws GeminiError when the answer, which is over, has no text */
  answered(): ReplyOutcome {
    const content = storable(this.content);
    if (content.trim() === '') throw new GeminiError('MODEL_EMPTY', true);
    const { firstTokenMs, totalMs } = this;
    return { ...this.facts(), status: 'completed', content, errorCode: null, firstTokenMs, totalMs };
  }

  /** The outcome where there is no answer, with what the model said about it all the same. */
  failed(error: GeminiError): ReplyOutcome {
    if (error.usage !== undefined) this.count(error.usage);
    this.finishReason = error.finishReason ?? this.finishReason;
    return { ...failure(error.code), ...this.facts() };
  }

  private facts(): Pick<
    ReplyOutcome,
    'finishReason' | 'model' | 'promptTokens' | 'outputTokens' | 'turnsLeftOut'
  > {
    const { finishReason, model, promptTokens, outputTokens, turnsLeftOut } = this;
    return { finishReason, model, promptTokens, outputTokens, turnsLeftOut };
  }

  private count(usage: GeminiUsage): void {
    this.model = usage.model ?? this.model;
    this.promptTokens = usage.promptTokens ?? this.promptTokens;
    this.outputTokens = usage.outputTokens ?? this.outputTokens;
  }
}

/** Postgres has no NUL, and a model may write anything. */
export function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/** The outcome of a reply that was not answered, and of which nothing else is known. */
export function failure(code: ReplyErrorCode): ReplyOutcome {
  return {
    status: code === 'PROMPT_BLOCKED' || code === 'REPLY_BLOCKED' ? 'blocked' : 'failed',
    content: '',
    errorCode: code,
    ...UNASKED,
  };
}
