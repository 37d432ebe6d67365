import { OnWorkerEvent, WorkerHost } from '@nestjs/bullmq';
import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { type Job, UnrecoverableError } from 'bullmq';
import { Env } from '../config/env.js';
import type { TitleJob } from '../queue/queues.js';
import { runJob } from '../queue/traced-jobs.js';
import { GeminiError } from './gemini-error.js';
import { TitleService } from './title.service.js';

/** Makes titles, on a queue and in slots of its own: however many are asked for, no reply waits for one. */
@Injectable()
export class TitleProcessor extends WorkerHost implements BeforeApplicationShutdown {
  private readonly logger = new Logger(TitleProcessor.name);
  private readonly stopping = new AbortController();

  constructor(
    private readonly env: Env,
    private readonly titles: TitleService,
  ) {
    super();
  }

  override process(job: Job<TitleJob>): Promise<string> {
    return runJob(job, job.data.chatroomId, () => this.give(job));
  }

  /** As ReplyProcessor: what does not finish in time goes back to the queue. */
  async beforeApplicationShutdown(): Promise<void> {
    const timer = setTimeout(() => {
      this.stopping.abort();
    }, this.env.SHUTDOWN_GRACE_MS);
    await this.worker.close();
    clearTimeout(timer);
  }

  @OnWorkerEvent('failed')
  onFailed(job: Job<TitleJob> | undefined, err: Error): void {
    // Set by the last attempt alone.
    if (job?.finishedOn === undefined) return;
    this.logger.warn({ err, jobId: job.id }, 'A room got no title; its next exchange asks for one again');
  }

  @OnWorkerEvent('error')
  onError(): void {
    // As in ReplyProcessor.
  }

  private async give(job: Job<TitleJob>): Promise<string> {
    try {
      return await this.titles.give(job.data, this.stopping.signal);
    } catch (error) {
      // Refused, or no quota left for the day: the same call again would hear the same.
      // And where Gemini limits the rate, replies go first.
      if (error instanceof GeminiError && (!error.retryable || error.retryAfterMs !== undefined))
        throw new UnrecoverableError(error.code);
      throw error;
    }
  }
}
