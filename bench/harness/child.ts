import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { START } from '../../test/support/app-process.js';

/** A TypeScript file of ours as a process of its own, so that its CPU is seen apart. */
export class Child {
  private constructor(
    readonly process: ChildProcess,
    /** What it sent first. */
    readonly ready: unknown,
  ) {}

  /** Resolves with its first message. @param file below bench/ */
  static async start(file: string, env: Record<string, string> = {}): Promise<Child> {
    const child = fork(new URL(`../${file}`, import.meta.url), {
      // Nothing of the machine's own settings may reach it.
      env: { PATH: process.env.PATH, ...env },
      // With the heap of the application.
      execArgv: [...START.slice(0, -1), ...(file.endsWith('.ts') ? ['--import', 'tsx'] : [])],
    });
    const [ready] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`bench/${file} ended with ${String(code)} before it was ready`);
      }),
    ])) as [unknown];
    return new Child(child, ready);
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exited;
  }
}
