import { createHash } from 'node:crypto';
import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { ACCOUNT_DELETION_QUEUE, type AccountDeletionJob } from './queues.js';
import { addJob } from './traced-jobs.js';

@Injectable()
export class AccountDeletionQueue {
  constructor(@InjectQueue(ACCOUNT_DELETION_QUEUE) private readonly queue: Queue<AccountDeletionJob>) {
    // As in ReplyQueue.
    queue.on('error', () => undefined);
  }

  /** A second job for a person who has one already is not added. When to try again is in the row, not here. */
  async enqueue(job: AccountDeletionJob): Promise<void> {
    await addJob(this.queue, 'account-deletion', job, {
      // BullMQ's log of events keeps the ids of jobs for longer than the person wants to be known here.
      jobId: createHash('sha256').update(job.userId).digest('hex'),
      removeOnComplete: true,
      removeOnFail: true,
    });
  }
}
