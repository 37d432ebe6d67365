import { Injectable, Logger } from '@nestjs/common';
import { Env } from '../config/env.js';
import {
  type ClaimedReply,
  RepliesRepository,
  type ReplyContext,
  type ReplyOutcome,
} from '../messages/replies.repository.js';
import type { ReplyErrorCode } from '../messages/reply-error.js';
import { QuotaService } from '../quota/quota.service.js';
import { LiveText } from '../streaming/live-text.js';
import { ReplyEvents } from '../streaming/reply-events.js';
import { ReplyStream } from '../streaming/reply-stream.js';
import { CallInFlight } from './call-in-flight.js';
import { GeminiClient } from './gemini.client.js';
import { GeminiAbortedError, GeminiError } from './gemini-error.js';

/** What is to be done with a reply after one try. */
export type TryResult = { done: true } | { done: false; retryInMs: number };

/** Characters a token has at least, on average, in the languages that matter; the budget is an estimate on the safe side. */
const CHARACTERS_PER_TOKEN = 3;
/** Attempts beyond REPLY_MAX_ATTEMPTS for those that a deploy or a crash cut short, which is not the reply's fault. */
const INTERRUPTIONS_MAX = 5;
const RETRY_MS_MAX = 60_000;

/** Generates one reply: builds the request, calls the model, writes the one outcome. */
@Injectable()
export class ReplyService {
  private readonly logger = new Logger(ReplyService.name);

  constructor(
    private readonly env: Env,
    private readonly replies: RepliesRepository,
    private readonly gemini: GeminiClient,
    private readonly quota: QuotaService,
    private readonly events: ReplyEvents,
    private readonly stream: ReplyStream,
  ) {}

  async generate(reply: ClaimedReply, abort: AbortSignal): Promise<TryResult> {
    // A worker that died in every try before this one left no word but the count.
    if (reply.attempt > this.env.REPLY_MAX_ATTEMPTS + INTERRUPTIONS_MAX)
      return this.finish(reply, failure('REPLY_INTERRUPTED'));
    const context = await this.replies.getForReply(
      reply,
      this.env.CONTEXT_TOKEN_BUDGET * CHARACTERS_PER_TOKEN,
    );
    // The room was deleted, which gave the prompt back.
    if (context === null) return { done: true };
    const call = new CallInFlight(reply.replyId, abort, this.events);
    try {
      return await this.finish(reply, await this.ask(reply, context, call));
    } catch (error) {
      // Cancelled, or another attempt has it: either way somebody else has written, or will.
      if (call.isTakenAway) return { done: true };
      if (error instanceof GeminiAbortedError) return await this.retry(reply, 0);
      if (!(error instanceof GeminiError)) throw error;
      this.logger.warn(
        { err: error, replyId: reply.replyId, attempt: reply.attempt },
        'Gemini gave no answer',
      );
      const pause = this.pauseAfter(error, reply.attempt);
      if (pause !== null) return await this.retry(reply, pause);
      return await this.finish(reply, { ...failure(error.code), finishReason: error.finishReason });
    } finally {
      call.end();
    }
  }

  private async ask(reply: ClaimedReply, context: ReplyContext, call: CallInFlight): Promise<ReplyOutcome> {
    const live = new LiveText(this.stream, reply.replyId, reply.attempt, () => {
      call.takeAway();
    });
    await live.begin();
    try {
      return await this.collect(context, call.signal, live);
    } finally {
      await live.close();
    }
  }

  private async collect(context: ReplyContext, signal: AbortSignal, live: LiveText): Promise<ReplyOutcome> {
    const model = context.model ?? this.env.GEMINI_MODEL;
    const outcome = { ...failure('MODEL_EMPTY'), model };
    for await (const chunk of this.gemini.stream({ ...context, model }, signal)) {
      live.write(storable(chunk.text));
      outcome.content += chunk.text;
      outcome.finishReason = chunk.finishReason ?? outcome.finishReason;
      outcome.model = chunk.model ?? outcome.model;
      outcome.promptTokens = chunk.promptTokens ?? outcome.promptTokens;
      outcome.outputTokens = chunk.outputTokens ?? outcome.outputTokens;
    }
    const content = storable(outcome.content);
    if (content.trim() === '') throw new GeminiError('MODEL_EMPTY', true);
    return { ...outcome, content, status: 'completed', errorCode: null };
  }

  /**
   * Writes the outcome, and makes the quota in Redis follow Postgres. Does nothing when another attempt has the reply
   * now, or its room was deleted meanwhile.
   */
  private async finish(reply: ClaimedReply, outcome: ReplyOutcome): Promise<TryResult> {
    const { userId, chargeId, replyId } = reply;
    if (!(await this.replies.finish(reply, outcome))) return { done: true };
    await this.stream.tryFinish(replyId, reply.attempt);
    if (outcome.status === 'completed') await this.quota.confirm(userId, chargeId);
    else await this.quota.release(userId, chargeId);
    await this.events.announceFinal(replyId);
    return { done: true };
  }

  private async retry(reply: ClaimedReply, retryInMs: number): Promise<TryResult> {
    await this.replies.release(reply);
    return { done: false, retryInMs };
  }

  /**
   * How long to wait before the next try, ms: what Gemini asked for, else twice as long with each attempt; spread, so that
   * replies that failed together do not come back together. Null when there is no next try, or nobody would wait for it.
   */
  private pauseAfter(error: GeminiError, attempt: number): number | null {
    if (!error.retryable || attempt >= this.env.REPLY_MAX_ATTEMPTS) return null;
    const base = this.env.REPLY_RETRY_BASE_MS * 2 ** (attempt - 1);
    if (error.retryAfterMs === undefined) return Math.min(base, RETRY_MS_MAX) * (0.5 + Math.random() / 2);
    return error.retryAfterMs > RETRY_MS_MAX ? null : error.retryAfterMs + Math.random() * base;
  }
}

/** Postgres has no NUL, and a model may write anything. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

function failure(code: ReplyErrorCode): ReplyOutcome {
  return {
    status: code === 'PROMPT_BLOCKED' || code === 'REPLY_BLOCKED' ? 'blocked' : 'failed',
    content: '',
    errorCode: code,
    finishReason: null,
    model: null,
    promptTokens: null,
    outputTokens: null,
  };
}
