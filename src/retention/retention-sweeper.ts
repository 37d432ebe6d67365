import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { RedisClient } from '../redis/redis-client.js';
import { repeat } from '../common/repeat.js';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import { REDIS } from '../redis/redis.module.js';
import { takeTurn } from '../redis/turn.js';
import { Retention } from './retention.service.js';

/** Has what is past its time deleted, by one of all workers. */
@Injectable()
export class RetentionSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private stop: (() => void) | undefined;

  constructor(
    private readonly env: Env,
    private readonly retention: Retention,
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = repeat('Pruning', this.env.PRUNE_INTERVAL_MS, () => this.sweep());
  }

  onModuleDestroy(): void {
    this.stop?.();
    this.stopping.abort();
  }

  private async sweep(): Promise<void> {
    if (await takeTurn(this.redis, keys.pruning, this.env.PRUNE_INTERVAL_MS)) {
      await this.retention.prune(this.stopping.signal);
    }
  }
}
