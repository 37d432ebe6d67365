import { Injectable } from '@nestjs/common';
import { ReplyQueue } from '../queue/reply-queue.js';
import { ReplyStream } from '../streaming/reply-stream.js';
import { AccountRowsRepository } from './account-rows.repository.js';

/** Replies dealt with at once. */
const BATCH = 500;

/** The replies that are owed to a person whose account is being deleted. */
@Injectable()
export class AbandonedReplies {
  constructor(
    private readonly rows: AccountRowsRepository,
    private readonly stream: ReplyStream,
    private readonly queue: ReplyQueue,
  ) {}

  /**
   * Stops who writes them, ends the streams and long polls of who watches them, and forgets the text that was streamed,
   * of finished ones too. Can be repeated.
   */
  async end(userId: string): Promise<void> {
    const replyIds = await this.rows.abandonReplies(userId);
    for (let from = 0; from < replyIds.length; from += BATCH) {
      const batch = replyIds.slice(from, from + BATCH);
      await Promise.all(batch.map((id) => this.stream.discard(id)));
      await this.queue.discard(batch);
    }
  }
}
