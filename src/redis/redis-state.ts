import type { Redis } from 'ioredis';

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
export async function readRedisState(redis: Redis): Promise<RedisState> {
  const info = await redis.info();
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const maxBytes = Number(field('maxmemory'));
  return {
    mayEvict: maxBytes > 0 && field('maxmemory_policy') !== 'noeviction',
    appendOnly: field('aof_enabled') === '1',
    usedBytes: Number(field('used_memory')),
    maxBytes,
  };
}
