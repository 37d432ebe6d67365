import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import pg from 'pg';
import { findFreePort } from '../../local/services/ports.js';
import { startService } from '../../local/services/processes.js';
import { findSystemProgram } from '../../local/services/system-program.js';
import { until } from './until.js';

/** As many as one application process has to it: those of several share them. */
const POOL_SIZE = 10;
/** Root gives its rights up to this user, whom every system has. */
const NOBODY = 'nobody';

export interface PgBouncer {
  /** The given URL, by way of it. */
  url: string;
  stop(): Promise<void>;
}

/** With the directory where Debian has it, which is on the PATH of administrators alone. */
const searchPath = (): string =>
  [...new Set([...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'])].join(delimiter);

export const isPgBouncerInstalled = (): boolean =>
  searchPath()
    .split(delimiter)
    .some((directory) => existsSync(join(directory, 'pgbouncer')));

export function findPgBouncer(): Promise<string> {
  process.env.PATH = searchPath();
  return findSystemProgram({
    names: ['pgbouncer'],
    packages: { 'apt-get': 'pgbouncer', dnf: 'pgbouncer', apk: 'pgbouncer', brew: 'pgbouncer' },
    reason: 'this run of the tests talks to PostgreSQL through it',
    notFound: 'No pgbouncer was found on PATH.',
    byHand: 'Install PgBouncer and start again.',
    otherwise: 'Or run the tests without it: npm test.',
  });
}

/** A PgBouncer in transaction mode before the PostgreSQL that `url` names, for all of its databases. */
export async function startPgBouncer(url: string): Promise<PgBouncer> {
  const through = new URL(url);
  through.port = String(await findFreePort());
  const directory = await mkdtemp(join(tmpdir(), 'pgbouncer-'));
  const file = join(directory, 'pgbouncer.ini');
  await writeFile(file, configuration(new URL(url), through.port), { mode: 0o600 });
  const service = await startService({
    command: await findPgBouncer(),
    args: [file],
    stopSignal: 'SIGINT',
    graceMs: 2000,
  });
  await until('PgBouncer answers', async () => {
    if (service.hasExited()) throw new Error(`PgBouncer did not start:\n${service.lastLines()}`);
    // To a database that nothing copies: it keeps the connection for a while, and Postgres copies none that is in use.
    const client = new pg.Client({
      connectionString: Object.assign(new URL(through), { pathname: '/postgres' }).href,
    });
    client.on('error', () => undefined);
    return client.connect().then(
      () => client.end().then(() => true),
      () => false,
    );
  });
  return {
    url: through.href,
    stop: async () => {
      await service.stop(true);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const configuration = (postgres: URL, port: string): string => `
[databases]
* = host=${postgres.hostname} port=${postgres.port} user=${postgres.username} password=${decodeURIComponent(postgres.password)}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${POOL_SIZE}
max_client_conn = 5000
server_idle_timeout = 5
log_connections = 0
log_disconnections = 0
${process.getuid?.() === 0 ? `user = ${NOBODY}` : ''}
`;
