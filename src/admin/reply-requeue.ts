import { Injectable } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import { idTime, newIdAt } from '../common/id.js';
import { type OperatedReply, OperatedRepliesRepository } from '../messages/operated-replies.repository.js';
import { PromptsService } from '../messages/prompts.service.js';
import { dayEnd } from '../quota/quota.service.js';
import { ReplyQueue } from '../queue/reply-queue.js';

const BATCH = 100;

/** What was done about one reply. */
export type Requeued =
  /** `replyId` had failed, and `newReplyId` is owed in its place. */
  | { replyId: string; outcome: 'asked anew'; newReplyId: string }
  /** It is owed anyway; its job is there now, and is not made to wait. */
  | { replyId: string; outcome: 'queued again' }
  | { replyId: string; outcome: 'left alone'; reason: string };

/**
 * Has replies worked on that people are waiting for, or have given up waiting for, by word of an operator.
 *
 * A reply that failed is final: its person was told, and it was given back. It is not opened again. Another one is asked
 * for in its place, just as its person could have it regenerated: the failed one goes out of sight, and comes back should
 * the new one fail, too. Only at the end of a conversation: where people have gone on, that would take away what came after.
 *
 * The new one is charged if it is answered, to the day of the failed one, which had it given back then. So nobody has
 * fewer prompts today for an answer that was due yesterday, and the day's limit is no reason to refuse one.
 */
@Injectable()
export class ReplyRequeue {
  constructor(
    private readonly replies: OperatedRepliesRepository,
    private readonly prompts: PromptsService,
    private readonly queue: ReplyQueue,
  ) {}

  /** What `requeueFailed` would ask for anew. */
  list(since: number, limit: number): Promise<OperatedReply[]> {
    return this.replies.listFailed(since, limit);
  }

  /** All that failed since a moment (epoch ms). */
  async requeueFailed(since: number): Promise<Requeued[]> {
    const done: Requeued[] = [];
    let page: OperatedReply[] = [];
    do {
      page = await this.replies.listFailed(since, BATCH, page.at(-1)?.id);
      for (const reply of page) done.push(await this.askAnew(reply));
    } while (page.length === BATCH);
    return done;
  }

  async requeue(replyIds: readonly string[]): Promise<Requeued[]> {
    const found = new Map((await this.replies.find(replyIds)).map((reply) => [reply.id, reply]));
    const done: Requeued[] = [];
    for (const replyId of new Set(replyIds)) {
      const reply = found.get(replyId);
      if (reply === undefined) {
        done.push({ replyId, outcome: 'left alone', reason: 'no reply that is owed or has failed' });
      } else done.push(await (reply.status === 'failed' ? this.askAnew(reply) : this.queueAgain(reply)));
    }
    return done;
  }

  private async askAnew({ id: replyId, userId, chatroomId, chargeId }: OperatedReply): Promise<Requeued> {
    const at = idTime(chargeId);
    const charge = { id: newIdAt(at), limit: null, resetAt: dayEnd(at) };
    try {
      const { reply } = await this.prompts.accept(userId, chatroomId, {
        ...{ charge, content: null, replaces: replyId, onlyAtEnd: true, claim: null },
      });
      return { replyId, outcome: 'asked anew', newReplyId: reply.id };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { replyId, outcome: 'left alone', reason: REASONS[error.code] ?? error.code };
    }
  }

  private async queueAgain({ id: replyId, userId, tier }: OperatedReply): Promise<Requeued> {
    await this.queue.enqueue({ userId, replyId, tier });
    await this.queue.promote(replyId);
    return { replyId, outcome: 'queued again' };
  }
}

const REASONS: Partial<Record<string, string>> = {
  MESSAGE_SUPERSEDED: 'the conversation has gone on',
  REPLY_UNFINISHED: 'another reply is being written already',
  UNAUTHENTICATED: 'the account is being deleted',
};
