import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { processIdentity, waitUntilGone } from './process-identity.js';

export interface ServiceCommand {
  command: string;
  args: string[];
  argv0?: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
  /** Sent to its standard input, for configuration that must not show in `ps`. */
  input?: string;
  /** The signal that asks this program for a clean end. */
  stopSignal: NodeJS.Signals;
  /** How long the clean end may take, in milliseconds, before SIGKILL. */
  graceMs: number;
  onLine?: (line: string) => void;
}

export interface Service {
  pid: number;
  /** Settles (never rejects) with how it ended: "exit code 1", "SIGKILL". */
  exited: Promise<string>;
  hasExited: () => boolean;
  /** The end of what it wrote, for messages about why it failed. */
  lastLines: () => string;
  /** Asks for a clean end and forces it after `graceMs`, or at once with `force`. Safe to call twice. */
  stop: (force?: boolean) => Promise<void>;
}

const KEPT_LINES = 30;

/**
 * Waits for its standard input to close - which the kernel does even when this process is killed with -9 - and then ends the
 * service. So nothing we started outlives us, whatever happens to us.
 */
const GUARD_SCRIPT = `read -r _; kill -"$2" "$1" 2>/dev/null || exit 0; n=0
while kill -0 "$1" 2>/dev/null && [ $n -lt "$3" ]; do sleep 1; n=$((n+1)); done; kill -KILL "$1" 2>/dev/null`;

function startGuard(pid: number, signal: NodeJS.Signals, graceMs: number): ChildProcess {
  const args = [String(pid), signal.replace(/^SIG/, ''), String(Math.ceil(graceMs / 1000))];
  const guard = spawn('/bin/sh', ['-c', GUARD_SCRIPT, 'local-guard', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  return guard;
}

function keepLines(child: ChildProcess, onLine?: (line: string) => void): string[] {
  const kept: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      kept.push(line);
      if (kept.length > KEPT_LINES) kept.shift();
      onLine?.(line);
    });
  }
  return kept;
}

/** Resolves once the program runs under a pid; rejects when it cannot be executed at all. */
async function spawned(child: ChildProcess): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  if (child.pid === undefined) throw new Error('the process has no pid');
  return child.pid;
}

/**
 * Starts a program in a process group of its own, so that Ctrl-C reaches only us and we choose the order in which things stop.
 */
export async function startService(what: ServiceCommand): Promise<Service> {
  const child = spawn(what.command, what.args, {
    argv0: what.argv0,
    cwd: what.cwd,
    env: what.env,
    uid: what.uid,
    gid: what.gid,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(what.input ?? '');
  const kept = keepLines(child, what.onLine);
  let ended = false;
  const exited = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => {
      ended = true;
      resolve(signal ?? `exit code ${code ?? 'unknown'}`);
    });
  });
  const pid = await spawned(child);
  const guard = startGuard(pid, what.stopSignal, what.graceMs);
  void exited.then(() => guard.kill('SIGKILL'));
  const stop = async (force = false): Promise<void> => {
    if (ended) return;
    child.kill(force ? 'SIGKILL' : what.stopSignal);
    const timer = setTimeout(() => child.kill('SIGKILL'), what.graceMs);
    await exited;
    clearTimeout(timer);
  };
  return { pid, exited, hasExited: () => ended, lastLines: () => kept.join('\n'), stop };
}

/** Ends a process that a dead run of ours left behind: cleanly if it can, else with SIGKILL. */
export async function endLeftover(pid: number, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  const identity = processIdentity(pid);
  if (identity === null) return;
  process.kill(pid, signal);
  if (await waitUntilGone(identity, graceMs)) return;
  process.kill(pid, 'SIGKILL');
  await waitUntilGone(identity, 5_000);
}
