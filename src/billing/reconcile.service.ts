import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import { nameOf } from '../common/error-name.js';
import { type SyncOutcome, SubscriptionSync } from './subscription-sync.service.js';
import { SubscriptionsRepository } from './subscriptions.repository.js';

const PAGE = 100;
/** Calls at once. Stripe takes 100 a second in live mode, 25 in test mode; people's requests go before. */
const CONCURRENCY = 4;
/** Stripe was away, or we asked too much: everybody keeps back, twice as long each time. */
const PAUSES_MS = [1000, 2000, 4000, 8000, 16_000];
/** So many customers in a row that could not be compared are an outage: the next run does better. */
const FAILURES_MAX = 20;

const FIRST_USER = '00000000-0000-0000-0000-000000000000';

export interface ReconcileReport {
  compared: number;
  repaired: number;
  failed: number;
}

/** Compares every customer with Stripe, and repairs what no webhook told us. */
@Injectable()
export class Reconciler implements OnModuleDestroy {
  private readonly logger = new Logger(Reconciler.name);
  private readonly stopping = new AbortController();

  constructor(
    private readonly subscriptions: SubscriptionsRepository,
    private readonly sync: SubscriptionSync,
  ) {}

  onModuleDestroy(): void {
    this.stopping.abort();
  }

  /** Safe beside another run, and beside webhooks: each customer is locked while Stripe is asked. */
  async run(): Promise<ReconcileReport> {
    const run = new Run(this.sync, this.logger, this.stopping.signal);
    let after = FIRST_USER;
    for (;;) {
      const page = await this.subscriptions.listCustomers(after, PAGE);
      await run.compareAll(page.map(({ userId }) => userId));
      const last = page.at(-1);
      if (last === undefined || run.isOver) break;
      after = last.userId;
    }
    this.logger.log({ ...run.report }, 'The customers were compared with Stripe');
    if (this.stopping.signal.aborted) throw new Error('This process stops; another one compares them all');
    return run.report;
  }
}

/** One run and its count. */
class Run {
  readonly report: ReconcileReport = { compared: 0, repaired: 0, failed: 0 };
  private failuresInARow = 0;
  private pause = Promise.resolve();

  constructor(
    private readonly sync: SubscriptionSync,
    private readonly logger: Logger,
    private readonly stopping: AbortSignal,
  ) {}

  get isOver(): boolean {
    return this.stopping.aborted || this.failuresInARow >= FAILURES_MAX;
  }

  async compareAll(userIds: readonly string[]): Promise<void> {
    const left = [...userIds];
    const worker = async (): Promise<void> => {
      for (let userId = left.shift(); userId !== undefined && !this.isOver; userId = left.shift()) {
        await this.compare(userId);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  }

  private async compare(userId: string): Promise<void> {
    try {
      const outcome = await this.syncPatiently(userId);
      this.failuresInARow = 0;
      this.report.compared += 1;
      if (outcome !== 'changed') return;
      this.report.repaired += 1;
      this.logger.warn({ userId }, 'A subscription was not as Stripe has it, and was repaired');
    } catch (error) {
      this.failuresInARow += 1;
      this.report.failed += 1;
      this.logger.error({ userId, lastError: nameOf(error) }, 'A customer could not be compared with Stripe');
    }
  }

  private async syncPatiently(userId: string): Promise<SyncOutcome> {
    for (const pauseMs of PAUSES_MS) {
      await this.pause;
      try {
        return (await this.sync.sync({ userId })).outcome;
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'PAYMENT_PROVIDER_UNAVAILABLE')) throw error;
        if (this.isOver) throw error;
        this.pause = sleep(pauseMs, undefined, { signal: this.stopping }).catch(() => undefined);
      }
    }
    await this.pause;
    return (await this.sync.sync({ userId })).outcome;
  }
}
