import type { RedisClient } from './redis-client.js';

/** What decides whether Redis keeps what it was given. */
export interface RedisState {
  /** It has a limit of memory and throws keys away when that is reached. */
  mayEvict: boolean;
  /** It writes an append-only file. */
  appendOnly: boolean;
  usedBytes: number;
  /** Limit of memory; 0: none. */
  maxBytes: number;
}

/** INFO, as it is in Redis and Valkey: `name:value` a line. */
export async function readRedisState(redis: RedisClient): Promise<RedisState> {
  const info = await redis.info();
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const maxBytes = Number(field('maxmemory'));
  return {
    // What a managed one does not say is not held against it.
    mayEvict: maxBytes > 0 && !['noeviction', ''].includes(field('maxmemory_policy')),
    appendOnly: field('aof_enabled') === '1',
    usedBytes: Number(field('used_memory')),
    maxBytes,
  };
}
