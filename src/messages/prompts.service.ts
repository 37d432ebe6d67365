import { Injectable, Logger } from '@nestjs/common';
import { ChatroomListCache } from '../chatrooms/chatroom-list-cache.js';
import { AppError } from '../common/app-error.js';
import type { Replayer } from '../idempotency/idempotent-request.js';
import { dailyLimitReached } from '../quota/daily-limit.js';
import { QuotaService } from '../quota/quota.service.js';
import { Tiers } from '../quota/tiers.js';
import { ReplyQueue } from '../queue/reply-queue.js';
import { PromptAcceptedResponse } from './dto/message.response.js';
import { type AcceptedOutcome, OwedRepliesRepository, type ReplyRequest } from './owed-replies.repository.js';
import { REFUSALS } from './refusal.js';
import { StreamTickets } from './stream-tickets.js';

/** What asks for a reply: sending a prompt, editing one, having a reply written anew. */
@Injectable()
export class PromptsService implements Replayer {
  private readonly logger = new Logger(PromptsService.name);

  constructor(
    private readonly owed: OwedRepliesRepository,
    private readonly cache: ChatroomListCache,
    private readonly quota: QuotaService,
    private readonly tiers: Tiers,
    private readonly queue: ReplyQueue,
    private readonly tickets: StreamTickets,
  ) {}

  /**
   * Accepts a request for a reply. Once that is stored nothing can fail the request any more: the pending reply row gets
   * its answer whether or not the job below was queued, and the charge stands in Postgres whether or not Redis confirms it.
   */
  async accept(userId: string, chatroomId: string, request: ReplyRequest): Promise<PromptAcceptedResponse> {
    const accepted = await this.owed.accept(userId, chatroomId, request);
    if (accepted === 'DAILY_PROMPT_LIMIT_REACHED') {
      this.tiers.remember(userId, 'basic');
      throw dailyLimitReached(request.charge);
    }
    if (typeof accepted === 'string') throw new AppError(accepted, REFUSALS[accepted]);
    const { prompt, reply, tier } = accepted;
    const { charge } = request;
    this.tiers.remember(userId, tier);
    await Promise.all([
      this.attempt('confirm the charge', reply.id, this.quota.confirm(userId, charge.id)),
      this.attempt('queue the reply', reply.id, this.queue.enqueue({ userId, replyId: reply.id, tier })),
      this.cache.invalidate(userId),
    ]);
    return PromptAcceptedResponse.from(prompt, reply, this.tickets.issue(userId, reply.id));
  }

  /** Answers a request that was accepted before as it was then; see `Idempotent`. */
  async replay(userId: string, outcome: AcceptedOutcome): Promise<PromptAcceptedResponse> {
    const accepted = await this.owed.findAccepted(userId, outcome);
    if (accepted === null) throw new AppError('CHATROOM_NOT_FOUND');
    const { prompt, reply } = accepted;
    return PromptAcceptedResponse.from(prompt, reply, this.tickets.issue(userId, reply.id));
  }

  private async attempt(what: string, replyId: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (err) {
      this.logger.warn({ err, replyId }, `Could not ${what} at once; it is made up for`);
    }
  }
}
