import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lockDirectory } from './directory-lock.js';
import { LocalError } from './local-error.js';
import { findFreePort, requireFreePort } from './ports.js';
import { startService } from './processes.js';
import type { Service } from './processes.js';
import { findRedisServer } from './redis-program.js';

export interface RedisOptions {
  /** Where a persistent one keeps its append-only file; beside it `<dataDir>.lock` says who uses it. */
  dataDir?: string;
  /** Any free port by default. */
  port?: number;
  /** true: every write is in the append-only file before it is answered, so it survives a killed process. */
  persistent: boolean;
}

export interface PrivateRedis {
  url: string;
  port: number;
  pid: number;
  /** Settles when it ends, for whatever reason, with that reason. */
  exited: Promise<string>;
  lastLines: () => string;
  stop: () => Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/**
 * Starts a Redis (or Valkey) of our own on 127.0.0.1: one that the system runs on 6379 is neither used nor stopped.
 *
 * @throws LocalError with what to do, when there is no server program, or the directory or port is in use.
 */
export async function startRedis(options: RedisOptions): Promise<PrivateRedis> {
  const program = await findRedisServer();
  if (options.port !== undefined) await requireFreePort(options.port, 'choose another for Redis');
  const temporary = options.dataDir === undefined;
  const dataDir = temporary ? mkdtempSync(join(tmpdir(), 'redis-')) : resolve(options.dataDir ?? '');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = await lockDirectory(`${dataDir}.lock`, {
    what: `the Redis in ${dataDir}`,
    stopSignal: 'SIGTERM',
  });
  const clear = (): void => {
    if (temporary) rmSync(dataDir, { recursive: true, force: true });
    lock.release();
  };
  try {
    const { service, port, password } = await launchUntilReady(program, dataDir, options, (pid) => {
      lock.setService(pid);
    });
    const stop = async (): Promise<void> => {
      await service.stop();
      clear();
    };
    const { pid, exited, lastLines } = service;
    return { url: `redis://:${password}@127.0.0.1:${port}`, port, pid, exited, lastLines, stop };
  } catch (error) {
    clear();
    throw error;
  }
}

interface Running {
  service: Service;
  port: number;
  password: string;
}

async function launchUntilReady(
  program: string,
  dataDir: string,
  options: RedisOptions,
  onPid: (pid: number) => void,
): Promise<Running> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  const password = randomBytes(24).toString('hex');
  for (;;) {
    const port = options.port ?? (await findFreePort());
    const service = await startService({
      command: program,
      // See redis-program.ts: the program may be called redis-check-rdb and looks at this name.
      argv0: 'redis-server',
      args: ['-'],
      input: configuration({ port, password, dataDir, persistent: options.persistent }),
      stopSignal: 'SIGTERM',
      graceMs: STOP_TIMEOUT_MS,
    });
    onPid(service.pid);
    if (await answersPing(service, port, password, deadline)) return { service, port, password };
    await service.stop();
    const output = service.lastLines();
    // Someone took the free port before us.
    if (!/Address already in use/.test(output) || options.port !== undefined || Date.now() > deadline) {
      throw new LocalError(`Redis did not start:\n${output}`);
    }
  }
}

/** Given on standard input: the password would show in `ps` otherwise. */
function configuration(of: { port: number; password: string; dataDir: string; persistent: boolean }): string {
  return [
    'bind 127.0.0.1',
    `port ${of.port}`,
    `requirepass ${of.password}`,
    `dir "${of.dataDir.replaceAll(/["\\]/g, '\\$&')}"`,
    // BullMQ's requirement: a queue that forgets jobs when memory is short loses them.
    'maxmemory-policy noeviction',
    `appendonly ${of.persistent ? 'yes' : 'no'}`,
    'save ""',
    'daemonize no',
    '',
  ].join('\n');
}

/** @returns false when it ended, or does not answer by the deadline (it answers LOADING while it reads its file). */
async function answersPing(
  service: Service,
  port: number,
  password: string,
  deadline: number,
): Promise<boolean> {
  while (!service.hasExited() && Date.now() < deadline) {
    const answer = await ask(port, `AUTH ${password}\r\nPING\r\n`).catch(() => '');
    if (answer.includes('+PONG')) return true;
    await delay(20);
  }
  return false;
}

/** One exchange in Redis's inline protocol; no client library, since none would say less than it retries. */
async function ask(port: number, commands: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.setTimeout(1_000, () => socket.destroy());
  try {
    await once(socket, 'connect');
    socket.end(`${commands}QUIT\r\n`);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    return answer;
  } finally {
    socket.destroy();
  }
}
