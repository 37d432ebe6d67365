import type { Redis } from 'ioredis';
import { RedisScript } from '../../src/redis/redis-script.js';

export const MINUTE_MS = 60_000;
export const LIMIT = 1_000_000;

/** Lua: the least that counts requests in a window. */
export const COUNT = `
local function count(key, window)
  local counted = redis.call('INCR', key)
  if counted == 1 then redis.call('PEXPIRE', key, window) end
  return counted
end`;

const COUNT_ADDRESS = new RedisScript<number>(`${COUNT}
return count(KEYS[1], ARGV[1])`);

/** KEYS: session, counter, and what `more` is about. ARGV: window, and what `more` needs. */
type PersonScript = RedisScript<[live: string | null, count: number, more: unknown]>;

/**
 * What every request of a signed-in person decides, in the fewest round trips that work on Redis Cluster, too: how much
 * their address asks (a key of a slot of its own), then in one script (one slot) whether the session is live and how much
 * the person asks - and on the same way whatever else of theirs the request is about.
 */
export class Decisions {
  private readonly script: PersonScript;

  /** @param more Lua that ends in `return`; its keys begin at 3, its arguments at 2 */
  constructor(
    private readonly redis: Redis,
    more: string,
  ) {
    this.script = new RedisScript(`${COUNT}
local function more()
${more}
end
return {redis.call('GET', KEYS[1]), count(KEYS[2], ARGV[1]), more()}`);
  }

  async address(ip: string): Promise<void> {
    const count = await COUNT_ADDRESS.run(this.redis, [`limit:ip:${ip}`], [MINUTE_MS]);
    if (count > LIMIT) throw tooMany();
  }

  /** @returns what `more` returned */
  async person(
    user: string,
    session: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const [live, count, more] = await this.script.run(
      this.redis,
      [sessionKey(user, session), `limit:{${user}}`, ...keys],
      [MINUTE_MS, ...args],
    );
    if (live !== 'live') throw Object.assign(new Error('The session has ended'), { statusCode: 401 });
    if (count > LIMIT) throw tooMany();
    return more;
  }
}

const tooMany = (): Error => Object.assign(new Error('Too many requests'), { statusCode: 429 });

export const sessionKey = (user: string, session: string): string => `limit:session:{${user}}:${session}`;

/** The list of a person's rooms as JSON. */
export const listKey = (user: string): string => `limit:list:{${user}}`;
