import type { Logger } from '@nestjs/common';
import type { RedisClient } from './redis-client.js';
import { readRedisState } from './redis-state.js';

const EVICTS =
  'Redis may evict keys when its memory is full: queued work, limits on codes and guesses, and live replies can vanish at ' +
  'any moment. Set maxmemory-policy noeviction';
const FORGETS =
  'Redis keeps nothing on disk: when it restarts, codes that were sent are void, limits begin anew, and queued replies wait ' +
  'for the next sweep. Set appendonly yes';

/**
 * What Redis can lose by its own settings, as sentences for operators. A managed one may forbid CONFIG, and persist in
 * its own way: what it does not say is not held against it.
 */
export async function findRedisRisks(redis: RedisClient): Promise<string[]> {
  const { mayEvict, appendOnly } = await readRedisState(redis);
  const risks: string[] = [];
  if (mayEvict) risks.push(EVICTS);
  if (!appendOnly && (await snapshots(redis)) === '') risks.push(FORGETS);
  return risks;
}

/** Tells them, once. Never throws: a Redis that is away is told of elsewhere. */
export async function warnOfRedisRisks(redis: RedisClient, logger: Logger): Promise<void> {
  try {
    for (const risk of await findRedisRisks(redis)) logger.warn(risk);
  } catch (err) {
    logger.debug({ err }, 'Redis was not asked how it keeps what it has');
  }
}

/** When it writes snapshots: `3600 1 300 100`, empty for never. Null where it does not say. */
async function snapshots(redis: RedisClient): Promise<string | null> {
  try {
    const [, value] = (await redis.config('GET', 'save')) as string[];
    return value ?? null;
  } catch {
    return null;
  }
}
