import { Global, Inject, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { Env } from '../config/env.js';
import { coalesceWrites } from './coalesced-writes.js';
import { connectToCluster, reconnectAfter, type RedisClient } from './redis-client.js';

/** Injection token of the process's client for commands (never for blocking ones). */
export const REDIS = Symbol('redis');

const COMMAND_TIMEOUT_MS = 3000;

/** A dead Redis must turn into an error within moments, not into requests that hang. */
export const COMMAND_CLIENT_OPTIONS = {
  maxRetriesPerRequest: 1,
  commandTimeout: COMMAND_TIMEOUT_MS,
  retryStrategy: reconnectAfter,
} satisfies RedisOptions;

/** Once a process: what others need of their own they make from this one. */
async function connect(env: Env): Promise<RedisClient> {
  const logger = new Logger('Redis');
  const client = connectByUrl(env);
  coalesceWrites(client);
  let down = false;
  // Reconnecting errs every second; a person reading the log needs the first and the last.
  client.on('error', (err: Error) => {
    if (!down) logger.error({ err }, 'Redis cannot be reached');
    down = true;
  });
  client.on('ready', () => {
    if (down) logger.log('Redis is back');
    down = false;
  });
  if (client instanceof Cluster) await settled(client);
  return client;
}

/** A process that starts knows where the cluster's keys are before it asks for the first, or that it cannot know yet. */
const settled = (cluster: Cluster): Promise<void> =>
  new Promise((resolve) => {
    for (const event of ['ready', 'close']) cluster.once(event, resolve);
  });

function connectByUrl({ REDIS_URL, REDIS_CLUSTER }: Env): RedisClient {
  if (!REDIS_CLUSTER) return new Redis(REDIS_URL[0], COMMAND_CLIENT_OPTIONS);
  // Without the queue, in which commands would wait for a node and then run after their time.
  return connectToCluster(REDIS_URL, { enableOfflineQueue: false, redisOptions: COMMAND_CLIENT_OPTIONS });
}

@Global()
@Module({
  providers: [{ provide: REDIS, useFactory: connect, inject: [Env] }],
  exports: [REDIS],
})
export class RedisModule implements OnApplicationShutdown {
  constructor(@Inject(REDIS) private readonly redis: RedisClient) {}

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
