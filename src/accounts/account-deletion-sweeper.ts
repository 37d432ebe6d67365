import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { repeat } from '../common/repeat.js';
import { Env } from '../config/env.js';
import { AccountDeletionQueue } from '../queue/account-deletion-queue.js';
import { AccountDeletionsRepository } from './account-deletions.repository.js';

const BATCH = 1000;

/** Queues every deletion whose time has come and that may have no job. Queueing is idempotent. */
@Injectable()
export class AccountDeletionSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private stop: (() => void) | undefined;

  constructor(
    private readonly env: Env,
    private readonly deletions: AccountDeletionsRepository,
    private readonly queue: AccountDeletionQueue,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = repeat('The sweep for deletions', this.env.SWEEP_INTERVAL_MS, () => this.sweep());
  }

  onModuleDestroy(): void {
    this.stop?.();
  }

  private async sweep(): Promise<void> {
    const due = await this.deletions.listDue(BATCH);
    await Promise.all(due.map((userId) => this.queue.enqueue({ userId })));
  }
}
