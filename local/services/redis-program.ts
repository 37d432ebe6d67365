import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { LocalError } from './local-error.js';

/** What the search may touch; tests give their own. */
export interface SystemAccess {
  path: string;
  platform: NodeJS.Platform;
  isRoot: boolean;
  /** Runs to the end; rejects when the command fails. */
  run(command: string, args: string[]): Promise<unknown>;
  print(line: string): void;
}

interface Installer {
  program: string;
  /** Whether this package manager needs to be root. */
  asRoot: boolean;
  /** In order. Only the last one must succeed: `apt-get update` also fails for a source that has nothing to do with us. */
  steps: string[][];
  packageName: string;
}

/**
 * Debian's and Ubuntu's `redis-tools` holds the whole server: their `redis-server` is a link to its `redis-check-rdb` (one binary
 * that looks at the name it is called by) plus a system service. We want no service, so the link is made by `argv0` at the start.
 */
const PROGRAMS = ['redis-server', 'valkey-server', 'redis-check-rdb', 'valkey-check-rdb'];

const INSTALLERS: Partial<Record<NodeJS.Platform, Installer[]>> = {
  linux: [
    {
      program: 'apt-get',
      asRoot: true,
      packageName: 'redis-tools',
      steps: [
        ['update', '-q'],
        // Waits its turn while another apt-get runs (unattended upgrades).
        ['install', '-q', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=60', 'redis-tools'],
      ],
    },
    { program: 'dnf', asRoot: true, packageName: 'redis', steps: [['install', '-q', '-y', 'redis']] },
    { program: 'apk', asRoot: true, packageName: 'redis', steps: [['add', '-q', 'redis']] },
  ],
  darwin: [
    { program: 'brew', asRoot: false, packageName: 'redis', steps: [['install', '--quiet', 'redis']] },
  ],
};

const NOT_FOUND = 'No redis-server or valkey-server was found on PATH.';
const OTHERWISE = 'Or set REDIS_URL to a Redis of yours (6.2 or later).';
const INSTALL_TIMEOUT_MS = 300_000;

const thisSystem = (): SystemAccess => ({
  path: process.env.PATH ?? '',
  platform: process.platform,
  isRoot: process.getuid?.() === 0,
  run: (command, args) =>
    promisify(execFile)(command, args, {
      timeout: INSTALL_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', HOMEBREW_NO_AUTO_UPDATE: '1' },
    }),
  print: (line) => {
    console.log(line);
  },
});

/**
 * The server program to give to `startRedis`: one that is on PATH, else one that the system's package manager installs without
 * asking for a password. No system service is started.
 *
 * @throws LocalError that says what to type on this system.
 */
export async function findRedisServer(system: SystemAccess = thisSystem()): Promise<string> {
  const found = findProgram(system);
  if (found) return found;
  const installer = INSTALLERS[system.platform]?.find(({ program }) => onPath(program, system.path));
  if (!installer) throw new LocalError(`${NOT_FOUND} Install Redis or Valkey and start again. ${OTHERWISE}`);
  const sudo = installer.asRoot && !system.isRoot;
  const toType = handTyped(installer, sudo);
  if (sudo && !(await sudoNeedsNoPassword(system))) {
    throw new LocalError(`${NOT_FOUND} Type\n  ${toType}\nand start again. ${OTHERWISE}`);
  }
  const { packageName, program } = installer;
  system.print(
    `Installing ${packageName} with ${program}: the job queue needs Redis, and no redis-server or valkey-server is on PATH`,
  );
  try {
    await install(installer, sudo, system);
  } catch (error) {
    throw new LocalError(
      `${NOT_FOUND} Installing it failed:\n${reason(error)}\nTry by hand\n  ${toType}\n${OTHERWISE}`,
    );
  }
  const installed = findProgram(system);
  if (installed) return installed;
  throw new LocalError(`${NOT_FOUND} The package ${packageName} brought none either. ${OTHERWISE}`);
}

function handTyped({ program, steps, packageName }: Installer, sudo: boolean): string {
  const command = sudo ? `sudo ${program}` : program;
  return steps
    .map(([verb]) => `${command} ${verb === 'update' ? verb : `${verb ?? ''} ${packageName}`}`)
    .join(' && ');
}

async function install({ program, steps }: Installer, sudo: boolean, system: SystemAccess): Promise<void> {
  for (const [index, step] of steps.entries()) {
    const done = sudo ? system.run('sudo', ['-n', program, ...step]) : system.run(program, step);
    await (index === steps.length - 1 ? done : done.catch(() => undefined));
  }
}

function findProgram(system: SystemAccess): string | undefined {
  for (const name of PROGRAMS) {
    const found = onPath(name, system.path);
    if (found) return found;
  }
  return undefined;
}

function onPath(name: string, path: string): string | undefined {
  const candidates = path.split(delimiter).filter(Boolean);
  return candidates.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function sudoNeedsNoPassword(system: SystemAccess): Promise<boolean> {
  if (!onPath('sudo', system.path)) return false;
  try {
    await system.run('sudo', ['-n', 'true']);
    return true;
  } catch {
    return false;
  }
}

function reason(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return stderr || (error instanceof Error ? error.message : String(error));
}
