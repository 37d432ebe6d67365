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

/** A program that is wanted, and the package that brings it. */
export interface WantedProgram {
  /** Names that it goes by, the best first. */
  names: readonly string[];
  /** By package manager. */
  packages: Readonly<Record<'apt-get' | 'dnf' | 'apk' | 'brew', string>>;
  /** What it is needed for, in the line that says that it is being installed. */
  reason: string;
  /** "No … was found on PATH." */
  notFound: string;
  /** What to do by hand where no package manager is known: "Install … and start again." */
  byHand: string;
  /** What else can be done: "Or …" */
  otherwise: string;
}

interface Installer {
  program: keyof WantedProgram['packages'];
  /** Whether this package manager needs to be root. */
  asRoot: boolean;
  /** In order, the package's name last. Only the last must succeed: `apt-get update` also fails for sources that have nothing to do with us. */
  steps: string[][];
}

const INSTALLERS: Partial<Record<NodeJS.Platform, Installer[]>> = {
  linux: [
    {
      program: 'apt-get',
      asRoot: true,
      steps: [
        ['update', '-q'],
        // Waits its turn while another apt-get runs (unattended upgrades).
        ['install', '-q', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=60'],
      ],
    },
    { program: 'dnf', asRoot: true, steps: [['install', '-q', '-y']] },
    { program: 'apk', asRoot: true, steps: [['add', '-q']] },
  ],
  darwin: [{ program: 'brew', asRoot: false, steps: [['install', '--quiet']] }],
};

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
 * A program that is on PATH, else one that the system's package manager installs without asking for a password.
 *
 * @throws LocalError that says what to type on this system.
 */
export async function findSystemProgram(
  wanted: WantedProgram,
  system: SystemAccess = thisSystem(),
): Promise<string> {
  const found = findOnPath(wanted, system);
  if (found) return found;
  const { notFound, byHand, otherwise, packages, reason: why } = wanted;
  const installer = INSTALLERS[system.platform]?.find(({ program }) => onPath(program, system.path));
  if (!installer) throw new LocalError(`${notFound} ${byHand} ${otherwise}`);
  const packageName = packages[installer.program];
  const sudo = installer.asRoot && !system.isRoot;
  const toType = handTyped(installer, packageName, sudo);
  if (sudo && !(await sudoNeedsNoPassword(system))) {
    throw new LocalError(`${notFound} Type\n  ${toType}\nand start again. ${otherwise}`);
  }
  system.print(`Installing ${packageName} with ${installer.program}: ${why}`);
  try {
    await install(installer, packageName, sudo, system);
  } catch (error) {
    throw new LocalError(
      `${notFound} Installing it failed:\n${reason(error)}\nTry by hand\n  ${toType}\n${otherwise}`,
    );
  }
  const installed = findOnPath(wanted, system);
  if (installed) return installed;
  throw new LocalError(`${notFound} The package ${packageName} brought none either. ${otherwise}`);
}

function handTyped({ program, steps }: Installer, packageName: string, sudo: boolean): string {
  const command = sudo ? `sudo ${program}` : program;
  return steps
    .map(([verb]) => `${command} ${verb === 'update' ? verb : `${verb ?? ''} ${packageName}`}`)
    .join(' && ');
}

async function install(
  { program, steps }: Installer,
  packageName: string,
  sudo: boolean,
  system: SystemAccess,
): Promise<void> {
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1;
    const args = isLast ? [...step, packageName] : step;
    const done = sudo ? system.run('sudo', ['-n', program, ...args]) : system.run(program, args);
    await (isLast ? done : done.catch(() => undefined));
  }
}

function findOnPath({ names }: WantedProgram, system: SystemAccess): string | undefined {
  for (const name of names) {
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
