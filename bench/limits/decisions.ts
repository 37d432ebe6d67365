import type { Redis } from 'ioredis';

const MINUTE_MS = 60_000;

/** KEYS: the counter. ARGV: its window, ms. The least that counts requests in a window. */
const COUNT = `
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count`;

interface Counting {
  count(key: string, windowMs: number): Promise<number>;
}

declare module 'ioredis' {
  interface ChainableCommander {
    count(key: string, windowMs: number): this;
  }
}

/**
 * What every request of a signed-in person decides, in the fewest round trips that work on Redis Cluster, too: how much
 * their address asks (a key of its own slot), then together (one slot) whether the session is live and how much the
 * person asks - and whatever else of theirs `more` reads on that way.
 */
export class Decisions {
  private readonly counting: Counting;

  constructor(private readonly redis: Redis) {
    redis.defineCommand('count', { numberOfKeys: 1, lua: COUNT });
    this.counting = redis as unknown as Counting;
  }

  async address(ip: string): Promise<void> {
    const count = await this.counting.count(`limit:ip:${ip}`, MINUTE_MS);
    if (count > LIMIT) throw tooMany();
  }

  /** @returns what `more` asked for */
  async person(
    user: string,
    session: string,
    more?: (pipeline: ReturnType<Redis['pipeline']>) => unknown,
  ): Promise<unknown[]> {
    const pipeline = this.redis.pipeline().get(sessionKey(user, session)).count(`limit:{${user}}`, MINUTE_MS);
    more?.(pipeline);
    const [live, count, ...rest] = ((await pipeline.exec()) ?? []).map(([error, value]) => {
      if (error) throw error;
      return value;
    });
    if (live !== 'live') throw Object.assign(new Error('The session has ended'), { statusCode: 401 });
    if ((count as number) > LIMIT) throw tooMany();
    return rest;
  }
}

const LIMIT = 1_000_000;

const tooMany = (): Error => Object.assign(new Error('Too many requests'), { statusCode: 429 });

export const sessionKey = (user: string, session: string): string => `limit:session:{${user}}:${session}`;

/** The list of a person's rooms as JSON. */
export const listKey = (user: string): string => `limit:list:{${user}}`;
