import { mkdirSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isRunning, pidOf, processIdentity } from './process-identity.js';
import { endLeftover } from './processes.js';
import { LocalError } from './local-error.js';

export interface DirectoryLock {
  /** Names the process that uses the directory for us, so that the next run can end it if we are killed. */
  setService(pid: number): void;
  release(): void;
}

export interface LockOptions {
  /** What is locked, for the message: "the database in .local/postgres". */
  what: string;
  /** How a leftover service of a dead owner is asked to end. */
  stopSignal: NodeJS.Signals;
}

interface LockFile {
  owner: string;
  service?: string;
}

const LEFTOVER_GRACE_MS = 10_000;

/**
 * Makes this process the only user of a directory. A lock whose owner was killed is taken over: the service it left running, if
 * any, is ended first, so two servers never write to the same files.
 *
 * @throws LocalError naming the pid when a live process holds it.
 */
export async function lockDirectory(lockPath: string, options: LockOptions): Promise<DirectoryLock> {
  const mine: LockFile = { owner: processIdentity(process.pid) ?? String(process.pid) };
  mkdirSync(dirname(lockPath), { recursive: true });
  while (!createExclusively(lockPath, mine)) {
    const text = readText(lockPath);
    if (text === null) continue;
    const held = parse(text);
    if (held && isRunning(held.owner)) {
      throw new LocalError(
        `${options.what} is in use by another run of this checkout (pid ${pidOf(held.owner)}): stop that one first, with Ctrl-C or \`kill ${pidOf(held.owner)}\``,
      );
    }
    if (held?.service && isRunning(held.service)) {
      console.log(
        `Ending pid ${pidOf(held.service)}, left behind when the last run of ${options.what} was killed`,
      );
      await endLeftover(pidOf(held.service), options.stopSignal, LEFTOVER_GRACE_MS);
    }
    discardStale(lockPath, text);
  }
  return {
    setService: (pid) => {
      mine.service = processIdentity(pid) ?? undefined;
      writeFileSync(`${lockPath}.${process.pid}`, JSON.stringify(mine));
      renameSync(`${lockPath}.${process.pid}`, lockPath);
    },
    release: () => {
      if (parse(readText(lockPath) ?? '')?.owner === mine.owner) rmSync(lockPath, { force: true });
    },
  };
}

/** link(2) fails when the name exists, and the file appears with its whole content: nobody can read half a lock. */
function createExclusively(lockPath: string, content: LockFile): boolean {
  const draft = `${lockPath}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(content));
  try {
    linkSync(draft, lockPath);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes the lock only if it still is the one that was judged stale: another run may have taken over in between. */
function discardStale(lockPath: string, judged: string): void {
  const aside = `${lockPath}.stale.${process.pid}`;
  try {
    renameSync(lockPath, aside);
    if (readText(aside) !== judged) linkSync(aside, lockPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function parse(text: string): LockFile | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('owner' in value)) return null;
    const { owner, service } = value as { owner: unknown; service?: unknown };
    if (typeof owner !== 'string') return null;
    return { owner, service: typeof service === 'string' ? service : undefined };
  } catch {
    return null;
  }
}
