import { Global, Inject, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Redis, type RedisOptions } from 'ioredis';
import { Env } from '../config/env.js';

/** Injection token of the process's ioredis client for commands (never for blocking ones). */
export const REDIS = Symbol('redis');

const RECONNECT_MS_MAX = 1000;
const COMMAND_TIMEOUT_MS = 3000;

/** A dead Redis must turn into an error within moments, not into requests that hang. */
export const COMMAND_CLIENT_OPTIONS = {
  maxRetriesPerRequest: 1,
  commandTimeout: COMMAND_TIMEOUT_MS,
  retryStrategy: (attempt: number) => Math.min(attempt * 100, RECONNECT_MS_MAX),
} satisfies RedisOptions;

function connect(env: Env): Redis {
  const logger = new Logger('Redis');
  const client = new Redis(env.REDIS_URL, COMMAND_CLIENT_OPTIONS);
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
  return client;
}

@Global()
@Module({
  providers: [{ provide: REDIS, useFactory: connect, inject: [Env] }],
  exports: [REDIS],
})
export class RedisModule implements OnApplicationShutdown {
  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
