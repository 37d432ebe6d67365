import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { REPLY_QUEUE, type ReplyJob } from './queues.js';

/**
 * Jobs leave Redis when they are done; what is left over says that work is left. The attempts are for what fails around
 * a reply (a database that is away, a quota that could not be given back); tries at the model are counted in the row.
 */
const JOB_OPTIONS = {
  removeOnComplete: true,
  removeOnFail: true,
  attempts: 6,
  backoff: { type: 'exponential', delay: 500 },
} as const;

@Injectable()
export class ReplyQueue {
  constructor(@InjectQueue(REPLY_QUEUE) private readonly queue: Queue<ReplyJob>) {
    // The connection is shared; RedisModule logs its failures, once.
    queue.on('error', () => undefined);
  }

  /** A second job for a reply that has one already is not added. */
  async enqueue(job: ReplyJob): Promise<void> {
    await this.queue.add('reply', job, { ...JOB_OPTIONS, jobId: job.replyId });
  }

  async enqueueAll(jobs: readonly ReplyJob[]): Promise<void> {
    await this.queue.addBulk(
      jobs.map((data) => ({ name: 'reply', data, opts: { ...JOB_OPTIONS, jobId: data.replyId } })),
    );
  }

  /** Starts a job that waits for its turn in the room now, instead of when it would look again. */
  async promote(replyId: string): Promise<void> {
    const job = await this.queue.getJob(replyId);
    if (job && (await job.isDelayed())) await job.promote();
  }
}
