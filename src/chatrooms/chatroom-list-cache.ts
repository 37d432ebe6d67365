import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { isConnectionFailure } from '../common/connection-failure.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { RedisScript } from '../redis/redis-script.js';

/** Bounds how long a page could be stale if a process dies between its commit and its invalidation. */
const TTL_SECONDS = 60;

/** Stores a page unless the list was invalidated since the reader looked. */
const FILL = new RedisScript<number>(`
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
return redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])`);

/**
 * A person's room list, page by page, as the JSON that is answered. One hash a person holds all pages, so a write
 * invalidates them with one DEL; it also takes the version away, so a reader who began before the write cannot put
 * the old list back after it.
 */
@Injectable()
export class ChatroomListCache {
  private readonly logger = new Logger(ChatroomListCache.name);

  constructor(@Inject(REDIS) private readonly redis: RedisClient) {}

  /** The page from the cache, else from `load`. Without Redis every read goes to Postgres. */
  async page(userId: string, page: string, load: () => Promise<object>): Promise<string> {
    const key = keys.chatroomList(userId);
    try {
      const [version, cached] = await this.redis.hmget(key, 'version', page);
      if (cached) return cached;
      const mine = version ?? (await this.begin(key));
      const json = JSON.stringify(await load());
      await FILL.run(this.redis, [key], [mine, page, json]);
      return json;
    } catch (error) {
      if (!isConnectionFailure(error)) throw error;
      return JSON.stringify(await load());
    }
  }

  /** To be called after every committed write to the person's rooms, before the write is answered. */
  async invalidate(userId: string): Promise<void> {
    try {
      await this.redis.del(keys.chatroomList(userId));
    } catch (err) {
      // The write is done and stands; the page ends by its lifetime.
      this.logger.warn({ err, userId }, 'A cached room list could not be invalidated');
    }
  }

  private async begin(key: string): Promise<string> {
    const version = randomUUID();
    await this.redis.multi().hsetnx(key, 'version', version).expire(key, TTL_SECONDS).exec();
    return version;
  }
}
