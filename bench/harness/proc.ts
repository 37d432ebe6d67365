import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** `sysconf(_SC_CLK_TCK)`: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Figures of other processes are read from /proc: Linux. Elsewhere there are none. */
export const HAS_PROC = process.platform === 'linux';

interface Stat {
  parent: number;
  /** CPU time of its own threads, and of its ended children that were waited for, ticks. */
  own: number;
  ended: number;
}

/** See proc_pid_stat(5). Null for a process that is gone. */
function stat(pid: number): Stat | null {
  try {
    // The name, in brackets, may hold anything.
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const field = (number: number): number => Number(fields[number - 3]);
    return { parent: field(4), own: field(14) + field(15), ended: field(16) + field(17) };
  } catch {
    return null;
  }
}

export const parentOf = (pid: number): number => stat(pid)?.parent ?? 0;

/** CPU time of a process with all its children, those that have ended too, s. (Postgres is a process a connection.) */
export function cpuSecondsOfTree(root: number): number {
  const of = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const found = Number.isInteger(pid) ? stat(pid) : null;
    if (found) of.set(pid, found);
  }
  let ticks = of.get(root)?.ended ?? 0;
  for (const [pid, { own }] of of) if (isBelow(of, pid, root)) ticks += own;
  return ticks / TICKS_PER_SECOND;
}

function isBelow(of: ReadonlyMap<number, Stat>, pid: number, root: number): boolean {
  for (let at = pid; at > 1; at = of.get(at)?.parent ?? 0) if (at === root) return true;
  return false;
}

/** CPU time of one process, s. */
export const cpuSeconds = (pid: number): number => (stat(pid)?.own ?? 0) / TICKS_PER_SECOND;

/** Resident memory, bytes: now, and at its peak since the process began or `forgetPeak`. */
export function memory(pid: number): { now: number; peak: number } {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1');
    const bytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024;
    return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
  } catch {
    return { now: NaN, peak: NaN };
  }
}

/** Lets the peak of a process begin anew (proc_pid_clear_refs(5)). */
export function forgetPeak(pid: number): void {
  if (HAS_PROC) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Open file descriptors. */
export const handles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
