import type { Redis } from 'ioredis';
import type { TestApp } from './test-app.js';
import { openRedis } from './whole-redis.js';

/** How many rows each table holds: what must be the same after a request that was refused. */
export async function countRows(app: TestApp): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of await tables(app)) {
    const { rows } = await app.database.query<{ n: number }>(`SELECT count(*)::int AS n FROM "${table}"`);
    counts[table] = rows[0]?.n ?? 0;
  }
  return counts;
}

/** Everything that Postgres and Redis hold, as one text to look for secrets in. */
export async function everythingStored(app: TestApp): Promise<string> {
  const found: string[] = [];
  for (const table of await tables(app)) {
    const { rows } = await app.database.query<{ row: string }>(`SELECT t::text AS row FROM "${table}" t`);
    found.push(...rows.map(({ row }) => row));
  }
  const redis = openRedis(app.redis.url);
  try {
    for (const key of await redis.keys('*')) found.push(key, await valueOf(redis, key));
  } finally {
    redis.disconnect();
  }
  return found.join('\n');
}

async function tables(app: TestApp): Promise<string[]> {
  const { rows } = await app.database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

async function valueOf(redis: Redis, key: string): Promise<string> {
  const type = await redis.type(key);
  const read: Record<string, () => Promise<unknown>> = {
    string: () => redis.get(key),
    hash: () => redis.hgetall(key),
    list: () => redis.lrange(key, 0, -1),
    set: () => redis.smembers(key),
    zset: () => redis.zrange(key, 0, -1),
    stream: () => redis.xrange(key, '-', '+'),
  };
  return JSON.stringify(await read[type]?.());
}
