import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startPostgres } from '../../local/services/postgres.js';
import { findRedisServer } from '../../local/services/redis-program.js';
import { frontOf, isDistributed } from '../support/engines.js';
import { startDistributed } from './distributed-postgres.js';

/** Migrated once; every spec gets a copy of its own, which Postgres makes in milliseconds. */
export const TEMPLATE_DATABASE = 'template_chat';

const CONNECTIONS_MAX = 400;

/**
 * What all specs of a run share: one embedded Postgres, and the certainty that there is a Redis to start. Everything
 * else a spec starts for itself, on free ports.
 *
 * @returns the function that stops it
 */
export async function startShared(): Promise<() => Promise<void>> {
  await findRedisServer();
  const directory = await mkdtemp(join(tmpdir(), 'chat-test-'));
  const options = {
    dataDir: join(directory, 'postgres'),
    persistent: false,
    fast: true,
    maxConnections: CONNECTIONS_MAX,
    database: TEMPLATE_DATABASE,
  };
  const postgres = await startPostgres(options);
  const front = await frontOf(postgres.url);
  await promisify(execFile)(process.execPath, ['dist/src/database/migrate.js'], {
    env: { ...process.env, DATABASE_URL: front.url },
  });
  await front.stop();
  process.env.TEST_DATABASE_URL = postgres.url;
  const stopDistributed = isDistributed ? await startDistributed(postgres, options) : undefined;
  return async () => {
    await stopDistributed?.();
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  };
}
