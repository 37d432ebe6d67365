import { execFile } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';
import { promisify } from 'node:util';
import pg from 'pg';
import { Redis } from 'ioredis';
import { startRedis } from '../../local/services/redis.js';

const run = promisify(execFile);

/** What the figures were measured on and of. */
export interface Machine {
  date: string;
  commit: string;
  cores: number;
  processor: string;
  memoryGb: number;
  system: string;
  node: string;
  postgres: string;
  redis: string;
  /** Processes that wanted a core in the minute before: more than a little of it was not ours, and disturbs. */
  loadBefore: number;
}

export async function describeMachine(): Promise<Machine> {
  return {
    date: new Date().toISOString(),
    commit: await commit(),
    cores: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    postgres: await postgresVersion(),
    redis: await redisVersion(),
    loadBefore: loadavg()[0] ?? NaN,
  };
}

/** With a plus where something is not committed. */
async function commit(): Promise<string> {
  try {
    const [head, changes] = await Promise.all([
      run('git', ['rev-parse', '--short', 'HEAD']),
      run('git', ['status', '--porcelain', '--untracked-files=no']),
    ]);
    return head.stdout.trim() + (changes.stdout === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}

async function postgresVersion(): Promise<string> {
  const client = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]?.server_version ?? 'unknown';
  } finally {
    await client.end();
  }
}

async function redisVersion(): Promise<string> {
  const { url, stop } = await startRedis({ persistent: false });
  const redis = new Redis(url);
  try {
    return /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown';
  } finally {
    redis.disconnect();
    await stop();
  }
}
