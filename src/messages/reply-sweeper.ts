import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { repeat } from '../common/repeat.js';
import { Env } from '../config/env.js';
import { ReplyQueue } from '../queue/reply-queue.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { takeTurn } from '../redis/turn.js';
import { type OwedPosition, OwedRepliesRepository } from './owed-replies.repository.js';

const BATCH = 1000;

/**
 * Queues every reply again that is owed and may have no job: Redis was down or wiped, or a process died between its
 * commit and its job. Queueing is idempotent, so it need not know which ones do.
 */
@Injectable()
export class ReplySweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private stop: (() => void) | undefined;

  constructor(
    private readonly env: Env,
    private readonly replies: OwedRepliesRepository,
    private readonly queue: ReplyQueue,
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = repeat('The sweep for owed replies', this.env.SWEEP_INTERVAL_MS, () => this.sweep());
  }

  onModuleDestroy(): void {
    this.stop?.();
  }

  private async sweep(): Promise<void> {
    const moment = Date.now() - this.env.SWEEP_INTERVAL_MS;
    // One of all workers does it.
    if (!(await takeTurn(this.redis, keys.replySweep, this.env.SWEEP_INTERVAL_MS))) return;
    let owed: OwedPosition[] = [];
    do {
      owed = await this.replies.listUnfinishedSince(moment, BATCH, owed.at(-1));
      if (owed.length > 0) await this.queue.enqueueAll(owed);
    } while (owed.length === BATCH);
  }
}
