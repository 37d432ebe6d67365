import type { RedisClient } from './redis-client.js';

/** Ends before the next turn of who has it. */
const PART_OF_INTERVAL = 0.8;

/**
 * Whether this process is the one of all that does, in this interval, what `key` stands for. For what is merely
 * wasteful to do twice: it lasts as long as Redis remembers, and not until the work is done.
 */
export async function takeTurn(redis: RedisClient, key: string, intervalMs: number): Promise<boolean> {
  const lease = Math.ceil(intervalMs * PART_OF_INTERVAL);
  return (await redis.set(key, process.pid, 'PX', lease, 'NX')) !== null;
}
