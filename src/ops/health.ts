import { WorkerHost } from '@nestjs/bullmq';
import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { RedisClient } from '../redis/redis-client.js';
import { DataSource } from 'typeorm';
import { REDIS } from '../redis/redis.module.js';
import { Draining } from './draining.js';
import type { HealthResponse } from './dto/health.response.js';
import { inTime } from './in-time.js';

const CHECK_TIMEOUT_MS = 2000;

/** What a process says of itself to whoever keeps it running and sends it work. */
@Injectable()
export class Health {
  constructor(
    private readonly database: DataSource,
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly providers: DiscoveryService,
    private readonly draining: Draining,
  ) {}

  /** That this is said at all is what it says: the event loop turns. */
  live(): HealthResponse {
    return { status: 'ok', checks: {} };
  }

  /** Whether the process can do its work: `ok`, `down` or `stopping`. */
  async ready(): Promise<HealthResponse> {
    if (this.draining.isOn) return { status: 'stopping', checks: {} };
    const [postgres, redis] = await Promise.all([
      check(this.database.query('SELECT 1')),
      check(this.redis.ping()),
    ]);
    const checks = { postgres, redis, ...this.workers() };
    const ok = Object.values(checks).every((state) => state === 'up');
    return { status: ok ? 'ok' : 'down', checks };
  }

  /** Whether every worker of this process takes jobs; nothing where it has none. */
  private workers(): { workers?: 'up' | 'down' } {
    const workers = this.providers
      .getProviders()
      .map(({ instance }) => instance as unknown)
      .filter((instance): instance is WorkerHost => instance instanceof WorkerHost);
    if (workers.length === 0) return {};
    return { workers: workers.every(({ worker }) => worker.isRunning()) ? 'up' : 'down' };
  }
}

const check = (work: Promise<unknown>): Promise<'up' | 'down'> =>
  inTime(work, CHECK_TIMEOUT_MS).then(
    () => 'up',
    () => 'down',
  );
