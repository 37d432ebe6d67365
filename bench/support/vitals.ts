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
  /** Rows that are dead and not vacuumed yet, for each that is there. */
  deadShare: number;
  /** Tables, with their indexes, that get no new rows in the run and are updated all the time: what grows there is bloat. */
  updatedTablesMb: number;
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
    database.query<{ live: number; dead: number; updated: number }>(
      `SELECT sum(n_live_tup)::float8 AS live, sum(n_dead_tup)::float8 AS dead,
              sum(pg_total_relation_size(relid)) FILTER (WHERE relname IN ('users', 'chatrooms'))::float8 AS updated
       FROM pg_stat_user_tables`,
    ),
  ]);
  const [, keys = '0', expiring = '0'] = /keys=(\d+),expires=(\d+)/.exec(keyspace) ?? [];
  const { live = NaN, dead = NaN, updated = NaN } = rows[0] ?? {};
  return {
    seconds: Math.round(seconds),
    memoryMb: memory(pid).now / 1024 ** 2,
    handles: handles(pid),
    redisMb: Number(/used_memory:(\d+)/.exec(redisMemory)?.[1]) / 1024 ** 2,
    redisKeys: Number(keys),
    redisKeysForEver: Number(keys) - Number(expiring),
    rows: live,
    deadShare: dead / live,
    updatedTablesMb: updated / 1024 ** 2,
  };
}
