import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from '../../local/services/ports.js';
import type { Case, Subject } from '../harness/case.js';
import { cpuSeconds, memory } from '../harness/proc.js';
import { median } from '../harness/statistics.js';
import { START } from '../../test/support/app-process.js';

const POLL_MS = 2;
const IDLE_MS = 5000;
const STARTS = 5;

/** Resolves once the server there says that it is ready. Asks over bare sockets: fetch would be slower than the answer. */
async function untilReady(port: number): Promise<void> {
  while (!(await isReady(port))) await sleep(POLL_MS);
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET /health/ready HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n');
    });
    socket.once('data', (answer) => {
      socket.destroy();
      resolve(answer.toString('latin1').startsWith('HTTP/1.1 200'));
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

export const start: Case = {
  name: 'start',
  about:
    'from the start of the process to its first 200 at /health/ready, and its memory after 5 s of rest; role all',
  load: `${STARTS} starts a run, nothing else; files are in the system's cache`,
  async prepare(bench) {
    const app = await bench.startApp();
    await app.process.kill();
    const subject = (name: string, command: readonly string[]): Subject => ({
      name,
      pid: 0,
      async run(meter) {
        const [ms, cpuMs]: [number[], number[]] = [[], []];
        let restingMb = NaN;
        const starts = bench.short(STARTS, 1);
        for (let n = 1; n <= starts; n += 1) {
          const port = await findFreePort();
          const env = { PATH: process.env.PATH, ...app.env, PORT: String(port) };
          let child: ChildProcess | undefined;
          const { seconds } = await meter.during(() => {
            child = spawn(process.execPath, command, { env, stdio: 'ignore' });
            return untilReady(port);
          });
          if (child === undefined) throw new Error('Nothing was started');
          ms.push(seconds * 1000);
          cpuMs.push(cpuSeconds(child.pid ?? 0) * 1000);
          if (n === starts) {
            await sleep(bench.short(IDLE_MS, 1000));
            restingMb = memory(child.pid ?? 0).now / 1024 ** 2;
          }
          await end(child);
        }
        return { 'ready after ms': median(ms), 'CPU ms': median(cpuMs), 'resting MB': restingMb };
      },
    });
    return [
      subject('application', START),
      subject('limit', [...START.slice(0, -1), 'bench/limits/start.mjs']),
    ];
  },
  judge: (results) => [
    {
      ...{ what: 'ready after', unit: ' ms', better: 'lower', must: 1500, aim: 700 },
      value: results.median('application', 'ready after ms'),
    },
    {
      ...{ what: 'resting', unit: ' MB', better: 'lower', must: 150, aim: 110 },
      value: results.median('application', 'resting MB'),
    },
  ],
};
