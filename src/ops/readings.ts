import { Inject, Injectable } from '@nestjs/common';
import type { RedisClient } from '../redis/redis-client.js';
import type { Pool } from 'pg';
import type { Gauge } from 'prom-client';
import { DataSource } from 'typeorm';
import type * as Metrics from '../metrics/prometheus.js';
import { QueueDepths } from '../queue/queue-depths.js';
import { REDIS } from '../redis/redis.module.js';
import { readRedisState } from '../redis/redis-state.js';
import { BacklogRepository } from './backlog.repository.js';
import { inTime } from './in-time.js';

/** Prometheus gives up after 10 s; what takes longer than this is wrong, and said so. */
const READ_TIMEOUT_MS = 1000;

/** What is not counted as it happens but read when the metrics are asked for: once, however many ask at the same time. */
@Injectable()
export class Readings {
  private readonly running = new Map<string, Promise<boolean>>();

  constructor(
    private readonly database: DataSource,
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly queues: QueueDepths,
    private readonly backlog: BacklogRepository,
  ) {}

  /** Never throws: what cannot be read in time has no value, rather than an old one. */
  async update(metrics: typeof Metrics): Promise<void> {
    this.readPool(metrics);
    const [postgres, redis] = await Promise.all([
      this.once('postgres', () => this.readPostgres(metrics)),
      this.once('redis', () => this.readRedis(metrics)),
    ]);
    metrics.dependencyUp.set({ dependency: 'postgres' }, Number(postgres));
    metrics.dependencyUp.set({ dependency: 'redis' }, Number(redis));
    if (!postgres) {
      clear(metrics.owedReplies, metrics.owedReplyAge, metrics.stripeEvents, metrics.stripeEventAge);
    }
    if (!redis) {
      clear(metrics.queueJobs, metrics.queueAge);
      clear(metrics.redisMayEvict, metrics.redisPersists, metrics.redisMemory);
    }
  }

  /** A read that is not over is not begun again: no scrape adds to those that wait for a connection. */
  private once(name: string, read: () => Promise<void>): Promise<boolean> {
    let running = this.running.get(name);
    if (running === undefined) {
      running = read().then(
        () => true,
        () => false,
      );
      this.running.set(name, running);
      void running.then(() => this.running.delete(name));
    }
    return inTime(running, READ_TIMEOUT_MS).catch(() => false);
  }

  private readPool({ pool, poolMax }: typeof Metrics): void {
    const { totalCount, idleCount, waitingCount, options } = poolOf(this.database);
    pool.set({ state: 'total' }, totalCount);
    pool.set({ state: 'idle' }, idleCount);
    pool.set({ state: 'waiting' }, waitingCount);
    poolMax.set(options.max);
  }

  private async readPostgres(metrics: typeof Metrics): Promise<void> {
    const { replies, oldestReplyAge, pendingEvents, oldestEventAge, failedEvents } =
      await this.backlog.read();
    metrics.owedReplies.set(replies);
    metrics.owedReplyAge.set(oldestReplyAge);
    metrics.stripeEvents.set({ status: 'pending' }, pendingEvents);
    metrics.stripeEvents.set({ status: 'failed' }, failedEvents);
    metrics.stripeEventAge.set(oldestEventAge);
  }

  private async readRedis(metrics: typeof Metrics): Promise<void> {
    const [depths, state] = await Promise.all([this.queues.read(), readRedisState(this.redis)]);
    for (const { queue, jobs, oldestAge } of depths) {
      for (const [state, count] of Object.entries(jobs)) metrics.queueJobs.set({ queue, state }, count);
      metrics.queueAge.set({ queue }, oldestAge);
    }
    metrics.redisMayEvict.set(Number(state.mayEvict));
    metrics.redisPersists.set(Number(state.appendOnly));
    metrics.redisMemory.set({ kind: 'used' }, state.usedBytes);
    metrics.redisMemory.set({ kind: 'max' }, state.maxBytes);
  }
}

/** With labels all of them go; without, the one value. `reset` would make that a zero. */
function clear(...gauges: Gauge[]): void {
  for (const gauge of gauges) {
    gauge.reset();
    gauge.remove({});
  }
}

/** TypeORM's types do not say what its driver holds. */
function poolOf({ driver }: DataSource): Pool {
  return (driver as unknown as { master: Pool }).master;
}
