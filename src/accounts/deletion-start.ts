import { Injectable, Logger } from '@nestjs/common';
import { AccountDeletionQueue } from '../queue/account-deletion-queue.js';
import { AbandonedReplies } from './abandoned-replies.js';

/** What a deletion that is owed begins with. For speed alone: AccountRemoval does all of it, whatever dies here. */
@Injectable()
export class DeletionStart {
  private readonly logger = new Logger('AccountDeletion');

  constructor(
    private readonly replies: AbandonedReplies,
    private readonly queue: AccountDeletionQueue,
  ) {}

  /** Nobody is to watch or write replies while larger accounts are being removed before this one. Never throws. */
  async run(userId: string): Promise<void> {
    await this.attempt(userId, 'end the replies', this.replies.end(userId));
    await this.attempt(userId, 'queue the deletion', this.queue.enqueue({ userId }));
  }

  private async attempt(userId: string, what: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (err) {
      this.logger.warn({ err, userId }, `Could not ${what} at once; it is made up for`);
    }
  }
}
