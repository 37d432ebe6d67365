import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { JobsOptions, Queue, WorkerOptions } from 'bullmq';
import { Env } from '../config/env.js';
import { type OwedReply, REPLY_QUEUE, type ReplyJob } from './queues.js';
import { FIRST_PRIORITY, priorityOf } from './reply-priority.js';
import { addJob } from './traced-jobs.js';

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

/** Jobs a second that no queue takes. */
const UNLIMITED = 2 ** 31;

/**
 * Workers of this queue need these for `pauseFor`. BullMQ heeds a pause only where the worker has a limit on its rate,
 * so here is one that is never reached. A paused worker looks again after 500 ms: it learns soon that the pause went
 * with its Redis, and a job that it has fetched meanwhile does not wait for longer than its lock holds.
 */
export const PAUSABLE = {
  limiter: { max: UNLIMITED, duration: 1000 },
  maximumRateLimitDelay: 500,
} satisfies Partial<WorkerOptions>;

@Injectable()
export class ReplyQueue {
  constructor(
    private readonly env: Env,
    @InjectQueue(REPLY_QUEUE) private readonly queue: Queue<ReplyJob>,
  ) {
    // The connection is shared; RedisModule logs its failures, once.
    queue.on('error', () => undefined);
  }

  /** A second job for a reply that has one already is not added. */
  async enqueue(reply: OwedReply): Promise<void> {
    const { name, data, opts } = this.toJob(reply);
    await addJob(this.queue, name, data, opts);
  }

  async enqueueAll(replies: readonly OwedReply[]): Promise<void> {
    const jobs = replies.map((reply) => this.toJob(reply));
    await this.queue.addBulk(jobs);
    // Left over from before the numbers began again: the jobs that they had already are still at the old end.
    const overdue = jobs.filter(({ opts }) => opts.priority === FIRST_PRIORITY);
    await Promise.all(overdue.map(({ data }) => this.moveToFront(data.replyId)));
  }

  /** Starts a job that waits for its turn in the room now, instead of when it would look again. */
  async promote(replyId: string): Promise<void> {
    const job = await this.queue.getJob(replyId);
    if (job && (await job.isDelayed())) await job.promote();
  }

  /** Takes the jobs of replies out that nobody waits for any more. One that is being worked on ends by itself. */
  async discard(replyIds: readonly string[]): Promise<void> {
    await Promise.all(replyIds.map((replyId) => this.queue.remove(replyId)));
  }

  /**
   * Keeps every worker from taking another job for that long, ms; what they are at goes on. A pause that ends later
   * stays. It is in Redis alone, and goes with it.
   */
  async pauseFor(ms: number): Promise<void> {
    if ((await this.queue.getRateLimitTtl(UNLIMITED)) < ms) await this.queue.rateLimit(Math.ceil(ms));
  }

  private toJob({ userId, replyId, tier }: OwedReply): {
    name: string;
    data: ReplyJob;
    opts: JobsOptions & { jobId: string };
  } {
    const priority = priorityOf({ userId, replyId, tier }, this.env.PRO_HEAD_START_SECONDS);
    return { name: 'reply', data: { userId, replyId }, opts: { ...JOB_OPTIONS, jobId: replyId, priority } };
  }

  private async moveToFront(replyId: string): Promise<void> {
    const job = await this.queue.getJob(replyId);
    if (!job || job.priority === FIRST_PRIORITY) return;
    // It may be done by now.
    await job.changePriority({ priority: FIRST_PRIORITY }).catch(() => undefined);
  }
}
