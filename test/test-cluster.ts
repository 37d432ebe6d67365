import { spawn } from 'node:child_process';
import { LocalError } from '../local/services/local-error.js';
import { findRedisServer } from '../local/services/redis-program.js';
import { findPgBouncer } from './support/pgbouncer.js';

/*
 * `npm run test:cluster`: the specs of `test/`, or those whose paths hold one of the arguments, with every Redis a cluster
 * of three nodes, PostgreSQL behind PgBouncer in transaction mode, and search and export read from a streaming replica.
 */

const patterns = process.argv.length > 2 ? process.argv.slice(2) : ['test/'];

try {
  await Promise.all([findRedisServer(), findPgBouncer()]);
  const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', ...patterns];
  const run = spawn(process.execPath, jest, {
    stdio: 'inherit',
    env: { ...process.env, TEST_ENGINES: 'distributed' },
  });
  run.once('close', (code) => (process.exitCode = code ?? 1));
} catch (error) {
  if (!(error instanceof LocalError)) throw error;
  process.stdout.write(`SKIPPED: the tests on a Redis Cluster and through PgBouncer. ${error.message}\n`);
}
