import { OnWorkerEvent, WorkerHost } from '@nestjs/bullmq';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { repeat } from '../common/repeat.js';
import type { Job } from 'bullmq';
import { Env } from '../config/env.js';
import { StripeReconcileQueue } from '../queue/stripe-reconcile-queue.js';
import { runJob } from '../queue/traced-jobs.js';
import { Reconciler, type ReconcileReport } from './reconcile.service.js';

/** How often the run of the current interval is asked for, at least: no more than this late after a lost Redis. */
const ASK_MS_MAX = 60_000;

/** Runs the comparison with Stripe once an interval, in one process at a time. */
@Injectable()
export class ReconcileProcessor
  extends WorkerHost
  implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown
{
  private readonly logger = new Logger(ReconcileProcessor.name);
  private stop: (() => void) | undefined;

  constructor(
    private readonly env: Env,
    private readonly queue: StripeReconcileQueue,
    private readonly reconciler: Reconciler,
  ) {
    super();
  }

  onApplicationBootstrap(): void {
    const interval = this.env.STRIPE_RECONCILE_INTERVAL_MS;
    this.stop = repeat('Asking for the comparison with Stripe', Math.min(interval, ASK_MS_MAX), () =>
      this.queue.enqueue(interval),
    );
  }

  onModuleDestroy(): void {
    this.stop?.();
  }

  override process(job: Job): Promise<ReconcileReport> {
    return runJob(job, job.id ?? '', () => this.reconciler.run());
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.close();
  }

  @OnWorkerEvent('failed')
  onFailed(_job: unknown, err: Error): void {
    this.logger.error({ err }, 'The comparison with Stripe ended early; the next one is in its interval');
  }

  @OnWorkerEvent('error')
  onError(): void {
    // As in ReplyProcessor.
  }
}
