import type { Redis } from 'ioredis';
import type pg from 'pg';
import { handles, memory } from '../harness/proc.js';

/** What must not grow while a process goes on for long. */
export interface Vitals {
  seconds: number;
  memoryMb: number;
  handles: number;
  redisMb: number;
  redisKeys: number;
  /** Those without an end: the others go by themselves. */
  redisKeysForEver: number;
  rows: number;
  deadRows: number;
  /** Of tables and indexes, for each row that is there. */
  bytesPerRow: number;
}

export async function takeVitals(
  seconds: number,
  pid: number,
  redis: Redis,
  database: pg.Pool,
): Promise<Vitals> {
  const [keyspace, redisMemory, { rows }] = await Promise.all([
    redis.info('keyspace'),
    redis.info('memory'),
    database.query<{ live: number; dead: number; bytes: number }>(
      `SELECT sum(n_live_tup)::float8 AS live, sum(n_dead_tup)::float8 AS dead,
              sum(pg_total_relation_size(relid))::float8 AS bytes FROM pg_stat_user_tables`,
    ),
  ]);
  const [, keys = '0', expiring = '0'] = /keys=(\d+),expires=(\d+)/.exec(keyspace) ?? [];
  const { live = 0, dead = 0, bytes = 0 } = rows[0] ?? {};
  return {
    seconds: Math.round(seconds),
    memoryMb: memory(pid).now / 1024 ** 2,
    handles: handles(pid),
    redisMb: Number(/used_memory:(\d+)/.exec(redisMemory)?.[1]) / 1024 ** 2,
    redisKeys: Number(keys),
    redisKeysForEver: Number(keys) - Number(expiring),
    rows: live,
    deadRows: dead,
    bytesPerRow: bytes / live,
  };
}
