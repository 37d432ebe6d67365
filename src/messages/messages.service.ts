import { Injectable, Logger } from '@nestjs/common';
import { ChatroomListCache } from '../chatrooms/chatroom-list-cache.js';
import { ChatroomsRepository } from '../chatrooms/chatrooms.repository.js';
import { AppError, type AppErrorOptions } from '../common/app-error.js';
import type { PageQuery } from '../common/page.request.js';
import { Cursors } from '../common/pagination.js';
import type { Replayer } from '../idempotency/idempotent.decorator.js';
import { QuotaService } from '../quota/quota.service.js';
import { ReplyQueue } from '../queue/reply-queue.js';
import { MessagePageResponse, MessageResponse, PromptAcceptedResponse } from './dto/message.response.js';
import {
  type AcceptedOutcome,
  MessagesRepository,
  type Refusal,
  type SentPrompt,
} from './messages.repository.js';
import { StreamTickets } from './stream-tickets.js';

const DETAILS: Record<Refusal, AppErrorOptions> = {
  CHATROOM_NOT_FOUND: {},
  ROOM_UNANSWERED_LIMIT_REACHED: {
    detail:
      'Wait for a reply in this room (`links.wait` of its prompt) or cancel one, then send this prompt again.',
  },
  USER_UNANSWERED_LIMIT_REACHED: {
    detail:
      'Wait for a reply in any of your rooms (`links.wait` of its prompt) or cancel one, then send this prompt again.',
  },
};

@Injectable()
export class MessagesService implements Replayer {
  private readonly logger = new Logger(MessagesService.name);

  constructor(
    private readonly messages: MessagesRepository,
    private readonly rooms: ChatroomsRepository,
    private readonly cache: ChatroomListCache,
    private readonly quota: QuotaService,
    private readonly queue: ReplyQueue,
    private readonly cursors: Cursors,
    private readonly tickets: StreamTickets,
  ) {}

  /**
   * Accepts a prompt. Once it is stored nothing can fail the request any more: the pending reply row gets its answer
   * whether or not the job below was queued, and the charge stands in Postgres whether or not Redis confirms it.
   */
  async send(userId: string, chatroomId: string, sent: SentPrompt): Promise<PromptAcceptedResponse> {
    const accepted = await this.messages.accept(userId, chatroomId, sent);
    if (typeof accepted === 'string') throw new AppError(accepted, DETAILS[accepted]);
    const [prompt, reply] = accepted;
    await Promise.all([
      this.attempt('confirm the charge', reply.id, this.quota.confirm(userId, prompt.id)),
      this.attempt('queue the reply', reply.id, this.queue.enqueue({ userId, replyId: reply.id })),
      this.cache.invalidate(userId),
    ]);
    return PromptAcceptedResponse.from(prompt, reply, this.tickets.issue(userId, reply.id));
  }

  /** Answers a prompt that was accepted before as it was then; see `Idempotent`. */
  async replay(userId: string, outcome: AcceptedOutcome): Promise<PromptAcceptedResponse> {
    const accepted = await this.messages.findAccepted(userId, outcome.promptId);
    if (accepted === null) throw new AppError('CHATROOM_NOT_FOUND');
    const [prompt, reply] = accepted;
    return PromptAcceptedResponse.from(prompt, reply, this.tickets.issue(userId, reply.id));
  }

  async list(userId: string, chatroomId: string, query: PageQuery): Promise<MessagePageResponse> {
    const list = `messages:${userId}:${chatroomId}`;
    const beforeId = query.cursor === undefined ? undefined : this.cursors.decode(list, query.cursor)[0];
    const rows = await this.messages.list(userId, chatroomId, query.limit, beforeId);
    if (rows.length === 0 && (await this.rooms.find(userId, chatroomId)) === null) {
      throw new AppError('CHATROOM_NOT_FOUND');
    }
    return MessagePageResponse.from(this.cursors.page(list, rows, query.limit, (message) => [message.id]));
  }

  async get(userId: string, chatroomId: string, id: string): Promise<MessageResponse> {
    const message = await this.messages.find(userId, chatroomId, id);
    if (message === null) throw new AppError('MESSAGE_NOT_FOUND');
    return MessageResponse.from(message);
  }

  private async attempt(what: string, replyId: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (err) {
      this.logger.warn({ err, replyId }, `Could not ${what} at once; it is made up for`);
    }
  }
}
