import { Injectable } from '@nestjs/common';
import { ReplyEvents } from '../streaming/reply-events.js';
import type { MessageResponse } from './dto/message.response.js';
import { isFinal } from './message.entity.js';
import { MessagesService } from './messages.service.js';

/** How long a waiter trusts the announcement before it looks for itself, ms. */
const LOOK_AGAIN_MS = 2000;

/** Long polling. */
@Injectable()
export class ReplyWaitService {
  constructor(
    private readonly messages: MessagesService,
    private readonly events: ReplyEvents,
  ) {}

  /** The message as soon as it is final, or as it is after `seconds` or when the process stops. */
  async get(userId: string, chatroomId: string, id: string, seconds: number): Promise<MessageResponse> {
    if (seconds === 0) return this.messages.get(userId, chatroomId, id);
    const deadline = Date.now() + seconds * 1000;
    const listener = this.events.listen(id);
    try {
      for (;;) {
        const message = await this.messages.get(userId, chatroomId, id);
        const left = deadline - Date.now();
        if (isFinal(message) || left <= 0 || this.events.isStopping) return message;
        await listener.next(Math.min(left, LOOK_AGAIN_MS));
      }
    } finally {
      listener.close();
    }
  }
}
