import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { repeat } from '../common/repeat.js';
import { Env } from '../config/env.js';
import { IdempotencyKeysRepository } from './idempotency-keys.repository.js';

const BATCH = 1000;

/** Deletes the keys that are past their time. */
@Injectable()
export class IdempotencySweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private stop: (() => void) | undefined;

  constructor(
    private readonly env: Env,
    private readonly keys: IdempotencyKeysRepository,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = repeat('The sweep for old idempotency keys', this.env.SWEEP_INTERVAL_MS, () => this.sweep());
  }

  onModuleDestroy(): void {
    this.stop?.();
  }

  private async sweep(): Promise<void> {
    while ((await this.keys.prune(BATCH)) === BATCH);
  }
}
