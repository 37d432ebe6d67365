import { startRedis } from '../../local/services/redis.js';
import { type CuttableLine, layLine } from './cuttable-line.js';
import { OwnRedis } from './own-redis.js';
import { type PgBouncer, startPgBouncer } from './pgbouncer.js';
import { RedisCluster } from './redis-cluster.js';
import { announceLines } from './whole-redis.js';

/** True in `npm run test:cluster`: every Redis is a cluster. */
export const isDistributed = process.env.TEST_ENGINES === 'distributed';

/** What an application is told in such a run, whatever else it is told. */
export const ENGINE_SETTINGS: Record<string, string> = isDistributed ? { REDIS_CLUSTER: 'true' } : {};

/** How an application reaches a Postgres: PgBouncer before it in such a run. */
export const frontOf = async (postgresUrl: string): Promise<PgBouncer> =>
  isDistributed ? startPgBouncer(postgresUrl) : { url: postgresUrl, stop: () => Promise.resolve() };

/** The Redis of an application. */
export interface TestRedis {
  /** For REDIS_URL. */
  url: string;
  /** Its process; of a cluster, the first node's. */
  pid: number;
  /** It hangs, until `thaw`. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export async function startTestRedis(): Promise<TestRedis> {
  if (isDistributed) return RedisCluster.start();
  const redis = await startRedis({ persistent: false });
  return {
    url: redis.url,
    pid: redis.pid,
    freeze: () => process.kill(redis.pid, 'SIGSTOP'),
    thaw: () => process.kill(redis.pid, 'SIGCONT'),
    stop: redis.stop,
  };
}

/** One that can be killed, and started again at the same address with nothing in it. */
export const startOwnRedis = (): Promise<OwnRedis | RedisCluster> =>
  isDistributed ? RedisCluster.start() : OwnRedis.start();

/** A line to a Redis, to all nodes of it; `breaksAt` as in `layLine`, and then all are cut. */
export async function layRedisLine(
  redis: { url: string },
  breaksAt?: (sent: string) => boolean,
): Promise<CuttableLine> {
  if (!(redis instanceof RedisCluster)) return layLine(redis.url, breaksAt);
  const cutAll = async (): Promise<void> => {
    await Promise.all(lines.map((line) => line.cut()));
  };
  const breaks = (sent: string): boolean => {
    const now = breaksAt?.(sent) ?? false;
    if (now) void cutAll();
    return now;
  };
  const lines = await Promise.all(redis.nodes.map(({ port }) => layLine(redis.urlOf(port), breaks)));
  await announceLines(
    redis,
    lines.map(({ url }) => Number(new URL(url).port)),
  );
  return {
    url: lines.map(({ url }) => url).join(','),
    cut: cutAll,
    mend: async () => {
      await Promise.all(lines.map((line) => line.mend()));
    },
  };
}
