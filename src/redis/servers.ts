import { Redis } from 'ioredis';
import type { RedisClient } from './redis-client.js';

/*
 * The servers behind a client: for what is said to a server and not about a key, and for connections of one's own
 * (`duplicate`). There is none while a cluster cannot be reached, or another node takes over.
 */

/** The server that has a key at the moment: the one Redis, or a node of the cluster. */
export async function findServerOf(redis: RedisClient, key: string): Promise<Redis | undefined> {
  if (redis instanceof Redis) return redis;
  const slot = await redis.cluster('KEYSLOT', key);
  const [address] = redis.slots[slot] ?? [];
  return redis.nodes('master').find(({ options }) => `${options.host}:${options.port}` === address);
}
