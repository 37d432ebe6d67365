import { Injectable, Logger } from '@nestjs/common';
import { ReplyQueue } from '../queue/reply-queue.js';
import { QuotaService } from '../quota/quota.service.js';
import { ReplyStream } from '../streaming/reply-stream.js';
import type { RemovedRoom } from './chatrooms.repository.js';

/** What is left to do in Redis once a room is gone from Postgres. */
@Injectable()
export class RoomCleanup {
  private readonly logger = new Logger(RoomCleanup.name);

  constructor(
    private readonly quota: QuotaService,
    private readonly stream: ReplyStream,
    private readonly queue: ReplyQueue,
  ) {}

  /** Gives prompts back, stops who writes to the room, and forgets what was streamed of it. Never throws. */
  async run(userId: string, removed: RemovedRoom): Promise<void> {
    try {
      await Promise.all([
        ...removed.refundedChargeIds.map((chargeId) => this.quota.release(userId, chargeId)),
        ...removed.streamedReplyIds.map((replyId) => this.stream.discard(replyId)),
        this.queue.discard(removed.owedReplyIds),
      ]);
    } catch (err) {
      // QuotaService corrects the count in Redis before it matters; streams end by themselves.
      this.logger.warn({ err, userId }, 'Not all of a deleted room could be cleaned up in Redis');
    }
  }
}
