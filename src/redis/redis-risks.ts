import type { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';

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
export async function findRedisRisks(redis: Redis): Promise<string[]> {
  const info = parse(await redis.info());
  const risks: string[] = [];
  // Without a limit nothing is ever evicted.
  const { maxmemory_policy: policy = 'noeviction', maxmemory } = info;
  if (policy !== 'noeviction' && maxmemory !== '0') risks.push(EVICTS);
  if (info.aof_enabled === '0' && (await snapshots(redis)) === '') risks.push(FORGETS);
  return risks;
}

/** Tells them, once. Never throws: a Redis that is away is told of elsewhere. */
export async function warnOfRedisRisks(redis: Redis, logger: Logger): Promise<void> {
  try {
    for (const risk of await findRedisRisks(redis)) logger.warn(risk);
  } catch (err) {
    logger.debug({ err }, 'Redis was not asked how it keeps what it has');
  }
}

/** When it writes snapshots: `3600 1 300 100`, empty for never. Null where it does not say. */
async function snapshots(redis: Redis): Promise<string | null> {
  try {
    const [, value] = (await redis.config('GET', 'save')) as string[];
    return value ?? null;
  } catch {
    return null;
  }
}

function parse(info: string): Partial<Record<string, string>> {
  return Object.fromEntries(
    [...info.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, key = '', value = '']) => [key, value]),
  );
}
