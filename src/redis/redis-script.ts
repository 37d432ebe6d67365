import { createHash } from 'node:crypto';
import type { RedisClient } from './redis-client.js';

/** A Lua script: one decision in one round trip. Sent by its hash; in full only to a server that has not seen it. */
export class RedisScript<Result> {
  private readonly sha: string;

  constructor(private readonly lua: string) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }

  run(redis: RedisClient, keys: readonly string[], args: readonly (string | number)[]): Promise<Result> {
    const answer = redis.evalsha(this.sha, keys.length, ...keys, ...args).catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return redis.eval(this.lua, keys.length, ...keys, ...args);
    });
    return answer as Promise<Result>;
  }
}
