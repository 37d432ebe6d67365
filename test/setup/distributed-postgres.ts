import pg from 'pg';
import type { EmbeddedPostgres, PostgresOptions } from '../../local/services/postgres.js';
import { startPgBouncer } from '../support/pgbouncer.js';
import { startReplica } from '../support/postgres-replica.js';

/**
 * Puts a PgBouncer before the shared Postgres, for the applications (TEST_BOUNCER_URL), and a replica beside it
 * (TEST_REPLICA_URL). A commit waits until the replica shows it, so that specs need not: what becomes of reads that are
 * older is in read-replica.spec.ts.
 *
 * @returns the function that stops both
 */
export async function startDistributed(
  postgres: EmbeddedPostgres,
  options: PostgresOptions,
): Promise<() => Promise<void>> {
  const replica = await startReplica(postgres, options, `${options.dataDir}-replica`);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    for (const setting of [`synchronous_standby_names = '*'`, `synchronous_commit = 'remote_apply'`]) {
      await client.query(`ALTER SYSTEM SET ${setting}`);
    }
    await client.query('SELECT pg_reload_conf()');
  } finally {
    await client.end();
  }
  const bouncer = await startPgBouncer(postgres.url);
  process.env.TEST_BOUNCER_URL = bouncer.url;
  process.env.TEST_REPLICA_URL = replica.url;
  return async () => {
    await Promise.all([bouncer.stop(), replica.stop()]);
  };
}
