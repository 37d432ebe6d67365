import type { ConnectionOptions, WorkerOptions } from 'bullmq';
import type { Env } from '../config/env.js';
import { QUEUE_PREFIX } from '../redis/keys.js';
import { reconnectAfter } from '../redis/redis-client.js';
import { WorkerCluster } from './worker-cluster.js';

/** What every worker of ours shares. */
export function workerOptions(env: Env, concurrency: number): WorkerOptions {
  return {
    connection: workerConnection(env),
    prefix: QUEUE_PREFIX,
    concurrency,
    lockDuration: env.QUEUE_LOCK_MS,
    stalledInterval: env.QUEUE_LOCK_MS,
    // A job whose worker dies again and again is ended by its row's attempt count, not by forgetting the job.
    maxStalledCount: 1000,
  };
}

/** Waits for Redis as long as it takes. BullMQ makes the connections to one Redis itself; of a cluster it needs a client. */
function workerConnection(env: Env): ConnectionOptions {
  const options = { maxRetriesPerRequest: null };
  if (!env.REDIS_CLUSTER) return { url: env.REDIS_URL[0], retryStrategy: reconnectAfter, ...options };
  return new WorkerCluster(env.REDIS_URL, { redisOptions: options });
}
