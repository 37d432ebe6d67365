import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { RedisScript } from '../redis/redis-script.js';

/** As long as a twin is kept out by a request whose process died. */
const LEASE_MS = 10_000;

const LEAVE = new RedisScript<number>(
  `return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0`,
);

/**
 * Lets one of several twins (same person, same key) in at a time, so that the others find its answer instead of
 * running into the limits that it used up. A courtesy: that there is one effect is what the primary key of
 * `idempotency_keys` sees to, also when Redis loses this or a request outlives its lease.
 */
@Injectable()
export class RunningRequests {
  private readonly logger = new Logger(RunningRequests.name);

  constructor(@Inject(REDIS) private readonly redis: RedisClient) {}

  /** Null while a twin is in; else the function by which to leave. */
  async enter(userId: string, key: string): Promise<(() => Promise<void>) | null> {
    const name = keys.runningRequest(userId, key);
    const token = randomUUID();
    if ((await this.redis.set(name, token, 'PX', LEASE_MS, 'NX')) === null) return null;
    return async () => {
      try {
        await LEAVE.run(this.redis, [name], [token]);
      } catch (err) {
        this.logger.warn({ err, userId }, 'The twins of a request could not be let in at once');
      }
    };
  }
}
