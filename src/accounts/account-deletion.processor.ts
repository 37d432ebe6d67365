import { OnWorkerEvent, WorkerHost } from '@nestjs/bullmq';
import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import type { Job } from 'bullmq';
import { AppError } from '../common/app-error.js';
import { Env } from '../config/env.js';
import type { AccountDeletionJob } from '../queue/queues.js';
import { runJob } from '../queue/traced-jobs.js';
import { AccountDeletionsRepository } from './account-deletions.repository.js';
import { AccountRemoval } from './account-removal.js';

/**
 * Removes accounts. A job says only that there may be something to do: the row decides, and holds when to try again. Safe
 * to run twice for one account, at the same time too.
 */
@Injectable()
export class AccountDeletionProcessor extends WorkerHost implements BeforeApplicationShutdown {
  private readonly logger = new Logger('AccountDeletion');
  private readonly stopping = new AbortController();

  constructor(
    private readonly env: Env,
    private readonly deletions: AccountDeletionsRepository,
    private readonly removal: AccountRemoval,
  ) {
    super();
  }

  override process(job: Job<AccountDeletionJob>): Promise<string> {
    return runJob(job, job.data.userId, () => this.remove(job.data.userId));
  }

  /** What is left is done by the next process: no deploy waits for a million rows. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.worker.close();
  }

  /** No database, say: the row is there, and the sweep queues it again. */
  @OnWorkerEvent('failed')
  onFailed(job: Job<AccountDeletionJob> | undefined, err: Error): void {
    this.logger.error({ err, jobId: job?.id }, 'An account could not be worked on');
  }

  @OnWorkerEvent('error')
  onError(): void {
    // As in ReplyProcessor.
  }

  private async remove(userId: string): Promise<string> {
    if (!(await this.deletions.isDue(userId))) return 'not due';
    try {
      if (!(await this.removal.run(userId, this.stopping.signal))) return 'to be continued';
    } catch (err) {
      const { ACCOUNT_DELETION_RETRY_BASE_MS: baseMs } = this.env;
      const attempts = await this.deletions.postpone(userId, classOf(err), baseMs);
      this.logger.warn({ err, userId, attempts }, 'An account could not be deleted yet; it is tried again');
      return 'postponed';
    }
    this.logger.log({ userId }, 'An account was deleted');
    return 'deleted';
  }
}

/** What went wrong, without its text: that may quote a row. */
function classOf(err: unknown): string {
  if (err instanceof AppError) return err.code;
  return err instanceof Error ? err.name : typeof err;
}
