import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Which process a pid means: `pid@start time`. A pid alone is not enough - containers hand out the same small numbers at every
 * start - and a zombie, whose parent died before collecting it, still has a pid but holds nothing.
 *
 * @returns null when no such process lives.
 */
export function processIdentity(pid: number): string | null {
  return process.platform === 'linux' ? linuxIdentity(pid) : psIdentity(pid);
}

/** proc_pid_stat(5): the name in parentheses may itself hold spaces and parentheses; state is field 3, start time field 22. */
function linuxIdentity(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' || startTime === undefined ? null : `${pid}@${startTime}`;
  } catch {
    return null;
  }
}

function psIdentity(pid: number): string | null {
  try {
    const line = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return line === '' || line.startsWith('Z') ? null : `${pid}@${line.replace(/^\S+\s+/, '')}`;
  } catch {
    return null;
  }
}

export function pidOf(identity: string): number {
  return Number.parseInt(identity, 10);
}

export function isRunning(identity: string): boolean {
  return processIdentity(pidOf(identity)) === identity;
}

/** Polls, since only a parent is told when a process ends. @returns whether it ended in time. */
export async function waitUntilGone(identity: string, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isRunning(identity)) {
    if (Date.now() > deadline) return false;
    await delay(25);
  }
  return true;
}

/** The program's name as the system shows it, or null. */
export function processName(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return null;
  }
}
