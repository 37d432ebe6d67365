import { setMaxListeners } from 'node:events';
import { OnWorkerEvent, WorkerHost } from '@nestjs/bullmq';
import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { DelayedError, type Job } from 'bullmq';
import { Env } from '../config/env.js';
import { isFinal } from '../messages/message.entity.js';
import { type FinishedReply, RepliesRepository } from '../messages/replies.repository.js';
import type { ReplyJob } from '../queue/queues.js';
import { ReplyQueue } from '../queue/reply-queue.js';
import { runJob } from '../queue/traced-jobs.js';
import { ReplyService } from './reply.service.js';
import { TitleService } from './title.service.js';

/** How soon a job whose room is busy looks again, if nobody promotes it before, ms. */
const TURN_MS = 1000;

/**
 * Takes replies off the queue. Safe to run twice for the same reply, at the same time too: the claim in Postgres
 * decides. A job leaves the queue only when its reply is final or gone; otherwise it is put back with a delay.
 */
@Injectable()
export class ReplyProcessor extends WorkerHost implements BeforeApplicationShutdown {
  private readonly logger = new Logger(ReplyProcessor.name);
  private readonly stopping = new AbortController();

  constructor(
    private readonly env: Env,
    private readonly replies: RepliesRepository,
    private readonly service: ReplyService,
    private readonly queue: ReplyQueue,
    private readonly titles: TitleService,
  ) {
    super();
    // Each reply in flight listens.
    setMaxListeners(0, this.stopping.signal);
  }

  override process(job: Job<ReplyJob>, token?: string): Promise<string> {
    return runJob(job, job.data.replyId, () => this.answer(job, token));
  }

  /** Stops taking jobs, waits for the replies in flight, and hands back what does not finish in time. */
  async beforeApplicationShutdown(): Promise<void> {
    const timer = setTimeout(() => {
      this.stopping.abort();
    }, this.env.SHUTDOWN_GRACE_MS);
    await this.worker.close();
    clearTimeout(timer);
  }

  /** What went wrong is not the reply's fault (no database, say): the row is still owed, and the sweep queues it again. */
  @OnWorkerEvent('failed')
  onFailed(job: Job<ReplyJob> | undefined, err: Error): void {
    this.logger.error({ err, jobId: job?.id }, 'A reply could not be worked on');
  }

  @OnWorkerEvent('error')
  onError(): void {
    // Lost connections, which RedisModule logs once; the worker connects again by itself.
  }

  private async answer(job: Job<ReplyJob>, token?: string): Promise<string> {
    const claimed = await this.replies.claim(job.data);
    if (claimed === null) return this.settle(job, token);
    const result = await this.service.generate(claimed, this.stopping.signal);
    if (result.queuePauseMs !== null) await this.pauseQueue(result.queuePauseMs);
    if (!result.done) return this.putBack(job, token, result.retryInMs);
    const { userId, chatroomId } = claimed;
    await Promise.all([
      this.wake(result.finished ?? this.findNext(userId, chatroomId)),
      claimed.awaitsTitle && this.titles.request({ userId, chatroomId }),
    ]);
    return 'answered';
  }

  /** A reply that cannot be claimed is final, gone, or not yet its room's turn. */
  private async settle(job: Job<ReplyJob>, token?: string): Promise<string> {
    const { userId, replyId } = job.data;
    const reply = await this.replies.findReply(userId, replyId);
    if (reply === null) return 'gone';
    if (!isFinal(reply)) return this.putBack(job, token, TURN_MS);
    // Whoever finished it may have died before Redis followed, or Redis was away.
    await this.service.tellEnd(reply);
    await this.wake(this.findNext(userId, reply.chatroomId));
    return 'already final';
  }

  private async putBack(job: Job<ReplyJob>, token: string | undefined, ms: number): Promise<never> {
    await job.moveToDelayed(Date.now() + ms, token);
    throw new DelayedError();
  }

  private async pauseQueue(ms: number): Promise<void> {
    try {
      await this.queue.pauseFor(ms);
    } catch (err) {
      this.logger.warn({ err }, 'The queue was not paused; each reply finds out by itself');
    }
  }

  private async findNext(userId: string, chatroomId: string): Promise<FinishedReply> {
    return { nextWaiting: await this.replies.findNextWaiting(userId, chatroomId) };
  }

  private async wake(finished: FinishedReply | Promise<FinishedReply>): Promise<void> {
    try {
      const { nextWaiting } = await finished;
      if (nextWaiting !== null) await this.queue.promote(nextWaiting);
    } catch (err) {
      this.logger.debug({ err }, 'The next reply of the room was not woken; it looks again by itself');
    }
  }
}
