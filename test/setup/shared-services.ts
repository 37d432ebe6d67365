import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startPostgres } from '../../local/services/postgres.js';
import { findRedisServer } from '../../local/services/redis-program.js';

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
  const postgres = await startPostgres({
    dataDir: join(directory, 'postgres'),
    persistent: false,
    fast: true,
    maxConnections: CONNECTIONS_MAX,
    database: TEMPLATE_DATABASE,
  });
  await promisify(execFile)(process.execPath, ['dist/src/database/migrate.js'], {
    env: { ...process.env, DATABASE_URL: postgres.url },
  });
  process.env.TEST_DATABASE_URL = postgres.url;
  return async () => {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  };
}
