import type { ThrottlerStorage } from '@nestjs/throttler';
import type { RedisClient } from '../redis/redis-client.js';
import { RedisScript } from '../redis/redis-script.js';

/** The requests of a minute, or whatever window they are counted in. */
export interface RequestCount {
  /** In this window, the one counted now included. */
  requests: number;
  /** Until the window ends, ms. */
  endsInMs: number;
}

/** Lua: counts one request below `key` in a window of `ms`. Returns how many there are, and ms until the window ends. */
export const COUNT_REQUEST = `
local function countRequest(key, ms)
  local requests = redis.call('INCR', key)
  if requests == 1 then redis.call('PEXPIRE', key, ms) return requests, tonumber(ms) end
  return requests, redis.call('PTTL', key)
end`;

const COUNT = new RedisScript<[requests: number, endsInMs: number]>(`${COUNT_REQUEST}
return {countRequest(KEYS[1], ARGV[1])}`);

/** Counts requests in Redis, for all processes together, in windows that begin with the first one. */
export class RequestCounts implements ThrottlerStorage {
  constructor(private readonly redis: RedisClient) {}

  async increment(key: string, ttl: number, limit: number): ReturnType<ThrottlerStorage['increment']> {
    const [requests, endsInMs] = await COUNT.run(this.redis, [key], [ttl]);
    const seconds = Math.ceil(endsInMs / 1000);
    return {
      totalHits: requests,
      timeToExpire: seconds,
      isBlocked: requests > limit,
      timeToBlockExpire: seconds,
    };
  }
}
