import type { WorkerOptions } from 'bullmq';
import type { Env } from '../config/env.js';
import { QUEUE_PREFIX } from '../redis/keys.js';

const RECONNECT_MS_MAX = 1000;

/** What every worker of ours shares. Its connections wait for Redis as long as it takes. */
export function workerOptions(env: Env, concurrency: number): WorkerOptions {
  return {
    connection: {
      url: env.REDIS_URL,
      maxRetriesPerRequest: null,
      retryStrategy: (attempt: number) => Math.min(attempt * 100, RECONNECT_MS_MAX),
    },
    prefix: QUEUE_PREFIX,
    concurrency,
    lockDuration: env.QUEUE_LOCK_MS,
    stalledInterval: env.QUEUE_LOCK_MS,
    // A job whose worker dies again and again is ended by its row's attempt count, not by forgetting the job.
    maxStalledCount: 1000,
  };
}
