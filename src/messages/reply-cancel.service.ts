import { Injectable, Logger } from '@nestjs/common';
import { QuotaService } from '../quota/quota.service.js';
import { ReplyStream } from '../streaming/reply-stream.js';
import type { MessageResponse } from './dto/message.response.js';
import { MessagesRepository } from './messages.repository.js';
import { MessagesService } from './messages.service.js';
import { tellReplyEnded } from './reply-end.js';

/** Stops a reply on its person's word. */
@Injectable()
export class ReplyCancelService {
  private readonly logger = new Logger(ReplyCancelService.name);

  constructor(
    private readonly messages: MessagesService,
    private readonly repository: MessagesRepository,
    private readonly stream: ReplyStream,
    private readonly quota: QuotaService,
  ) {}

  /**
   * Needs no worker: the row gets the text that people have seen so far, and its raised attempt fences off whoever is
   * writing. A message that is final already is returned as it is, so this can be repeated.
   *
   * @throws AppError MESSAGE_NOT_FOUND
   */
  async cancel(userId: string, chatroomId: string, id: string): Promise<MessageResponse> {
    const cancelled = await this.repository.cancel(userId, chatroomId, id, await this.textSoFar(id));
    if (cancelled !== null) {
      tellReplyEnded(id, { status: 'cancelled', errorCode: null });
      await this.stream.tryFinish(id, cancelled.attempt);
    }
    const message = await this.messages.get(userId, chatroomId, id);
    if (cancelled !== null && message.content === '') await this.giveBack(userId, cancelled.chargeId);
    return message;
  }

  private async textSoFar(id: string): Promise<string> {
    try {
      return await this.stream.text(id);
    } catch (err) {
      this.logger.warn({ err, replyId: id }, 'The text so far of a cancelled reply cannot be read');
      return '';
    }
  }

  private async giveBack(userId: string, chargeId: string): Promise<void> {
    try {
      await this.quota.release(userId, chargeId);
    } catch (err) {
      this.logger.warn({ err, userId }, 'A cancelled prompt could not be given back in Redis');
    }
  }
}
