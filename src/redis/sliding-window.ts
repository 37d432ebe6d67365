import type { Rate } from '../config/env/rate.js';
import type { RedisClient } from './redis-client.js';
import { RedisScript } from './redis-script.js';

/**
 * Lua: `take(key, now, id, rates)` with rates as limit, window in ms, limit, … Counts `id` in a sorted set of times
 * unless a limit is reached, and returns 0 or the ms until none is. Exact: it looks at the moment of each one counted.
 */
export const TAKE = `
local function take(key, now, id, rates)
  local longest, wait = 0, 0
  for i = 1, #rates, 2 do
    local limit, window = tonumber(rates[i]), tonumber(rates[i + 1])
    longest = math.max(longest, window)
    local oldest = redis.call('ZREVRANGE', key, limit - 1, limit - 1, 'WITHSCORES')[2]
    if oldest then wait = math.max(wait, tonumber(oldest) + window - now) end
  end
  if wait > 0 or longest == 0 then return wait end
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - longest)
  redis.call('ZADD', key, now, id)
  redis.call('PEXPIRE', key, longest)
  return 0
end`;

const TAKE_ONE = new RedisScript<number>(`${TAKE}
local rates = {}
for i = 3, #ARGV do rates[i - 2] = ARGV[i] end
return take(KEYS[1], tonumber(ARGV[1]), ARGV[2], rates)`);

/** Rates as the arguments of a script. */
export const rateArguments = (rates: readonly Rate[]): number[] =>
  rates.flatMap(({ limit, windowMs }) => [limit, windowMs]);

/** Counts `id` below `key`, if the rates allow it. Returns 0, or the ms until they do. To give it back: ZREM. */
export function takeOne(
  redis: RedisClient,
  key: string,
  id: string,
  rates: readonly Rate[],
): Promise<number> {
  return TAKE_ONE.run(redis, [key], [Date.now(), id, ...rateArguments(rates)]);
}
