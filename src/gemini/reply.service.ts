import { Injectable, Logger } from '@nestjs/common';
import { idTime } from '../common/id.js';
import { Env } from '../config/env.js';
import { tellReplyEnded } from '../messages/reply-end.js';
import { isCharged, type Message } from '../messages/message.entity.js';
import {
  type ClaimedReply,
  type FinishedReply,
  RepliesRepository,
  type ReplyOutcome,
} from '../messages/replies.repository.js';
import { QuotaService } from '../quota/quota.service.js';
import { LiveText } from '../streaming/live-text.js';
import { ReplyEvents } from '../streaming/reply-events.js';
import { ReplyStream } from '../streaming/reply-stream.js';
import { CallInFlight } from './call-in-flight.js';
import { GeminiClient, type GeminiRequest } from './gemini.client.js';
import { GeminiAbortedError, GeminiError } from './gemini-error.js';
import { failure, ReplyAttempt, storable } from './reply-attempt.js';

/**
 * What is to be done with a reply after one try; and, when Gemini takes no call from anybody for a while, with the queue.
 * `finished`: how this try made it final; null where somebody else did.
 */
export type TryResult = (
  { done: true; finished: FinishedReply | null } | { done: false; retryInMs: number }
) & {
  queuePauseMs: number | null;
};

type EndedReply = Pick<Message, 'userId' | 'id' | 'chargeId' | 'attempt' | 'status' | 'content'>;

/** Attempts that may end without a word before this reply itself is suspected of killing its workers. */
const INTERRUPTIONS_MAX = 5;
const RETRY_MS_MAX = 60_000;
/** How long a reply is worth waiting for while Gemini limits the rate, from when it was accepted. */
const RATE_LIMITED_MS_MAX = 600_000;

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
    if (reply.interruptions > INTERRUPTIONS_MAX) return this.finish(reply, failure('REPLY_INTERRUPTED'));
    const { context } = reply;
    const model = context.model ?? this.env.GEMINI_MODEL;
    const attempt = new ReplyAttempt(model, context.turnsLeftOut);
    const call = new CallInFlight(reply.replyId, abort, this.events);
    try {
      await this.ask(reply, { ...context, model }, call, attempt);
      call.end();
      return await this.finish(reply, attempt.answered(), attempt.firstTokenAt);
    } catch (error) {
      // Cancelled, or another attempt has it: either way somebody else has written, or will.
      if (call.isTakenAway) return { done: true, finished: null, queuePauseMs: null };
      if (error instanceof GeminiAbortedError) return await this.retry(reply, 0, false);
      if (!(error instanceof GeminiError)) throw error;
      this.logger.warn(
        { err: error, replyId: reply.replyId, attempt: reply.attempt },
        'Gemini gave no answer',
      );
      const queuePauseMs = queuePauseAfter(error);
      const pause = this.pauseAfter(error, reply, queuePauseMs);
      const result =
        pause === null
          ? await this.finish(reply, attempt.failed(error))
          : await this.retry(reply, pause, queuePauseMs === null);
      return { ...result, queuePauseMs };
    } finally {
      call.end();
    }
  }

  private async ask(
    reply: ClaimedReply,
    request: GeminiRequest,
    call: CallInFlight,
    attempt: ReplyAttempt,
  ): Promise<void> {
    const live = new LiveText(this.stream, reply.replyId, reply.attempt, () => {
      call.takeAway();
    });
    live.begin();
    try {
      attempt.begin();
      for await (const chunk of this.gemini.stream(request, call.signal)) {
        attempt.add(chunk);
        live.write(storable(chunk.text));
      }
    } finally {
      await live.close();
    }
  }

  /**
   * Writes the outcome, and makes the quota in Redis follow Postgres. Does nothing when another attempt has the reply
   * now, or its room was deleted meanwhile.
   */
  private async finish(
    reply: ClaimedReply,
    outcome: ReplyOutcome,
    firstTokenAt: number | null = null,
  ): Promise<TryResult> {
    const finished = await this.replies.finish(reply, outcome);
    if (finished !== null) {
      tellReplyEnded(reply.replyId, outcome, firstTokenAt);
      await this.tellEnd({ ...reply, ...outcome, id: reply.replyId });
    }
    return { done: true, finished, queuePauseMs: null };
  }

  /**
   * Makes Redis follow a reply that is final: its stream ends, its charge is kept or given back, and who waits hears of
   * it. Can be repeated.
   */
  async tellEnd(reply: EndedReply): Promise<void> {
    const { userId, chargeId, id, attempt } = reply;
    await Promise.all([
      this.stream.tryFinish(id, attempt),
      chargeId !== null &&
        (isCharged(reply) ? this.quota.confirm(userId, chargeId) : this.quota.release(userId, chargeId)),
    ]);
  }

  /** @param failed whether this counts as a try at the model */
  private async retry(reply: ClaimedReply, retryInMs: number, failed: boolean): Promise<TryResult> {
    await this.replies.release(reply, failed);
    return { done: false, retryInMs, queuePauseMs: null };
  }

  /**
   * How long to wait before the next try, ms: what Gemini asked for, else twice as long with each failure; spread, so that
   * replies that failed together do not come back together. Null when there is no next try, or nobody would wait for it.
   * A rate limit that the whole queue waits out says nothing against this reply, so it is no try.
   */
  private pauseAfter(error: GeminiError, reply: ClaimedReply, queuePauseMs: number | null): number | null {
    const base = this.env.REPLY_RETRY_BASE_MS * 2 ** reply.failures;
    const spread = Math.min(base, RETRY_MS_MAX) * (0.5 + Math.random() / 2);
    if (queuePauseMs !== null) {
      const isWorthIt = Date.now() - idTime(reply.replyId) < RATE_LIMITED_MS_MAX;
      return isWorthIt ? queuePauseMs + spread : null;
    }
    const isLast = reply.failures + 1 >= this.env.REPLY_MAX_ATTEMPTS;
    return error.retryable && !isLast && error.retryAfterMs === undefined ? spread : null;
  }
}

/**
 * A rate limit with a word on how long (RetryInfo) holds for every call, so that nobody need try before. Null without one,
 * for the limit of the day, and where it is so long that replies had better fail, and say so, than wait.
 */
function queuePauseAfter({ code, retryAfterMs }: GeminiError): number | null {
  if (code !== 'MODEL_RATE_LIMITED' || retryAfterMs === undefined) return null;
  return retryAfterMs > RETRY_MS_MAX ? null : retryAfterMs;
}
