import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { until } from './until.js';

/** One line of the application's log. */
export type LogLine = Record<string, unknown>;

/** What node is started with, as `npm start` and the image do it. */
export const START = ['--max-semi-space-size=32', 'dist/src/main.js'];

/** The built application as its own process: what a person starts, and what can be killed. */
export class AppProcess {
  readonly logs: LogLine[] = [];
  private readonly exit: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {
    this.exit = once(child, 'exit').then(([code]) => code as number | null);
    if (child.stdout) {
      createInterface(child.stdout).on('line', (line) => this.logs.push(parseLine(line)));
    }
    if (child.stderr) createInterface(child.stderr).on('line', (line) => this.logs.push({ stderr: line }));
  }

  /** Resolves when the process is ready to serve; rejects with its log when it ends before. */
  static async start(env: Record<string, string>): Promise<AppProcess> {
    const app = AppProcess.spawn(env);
    try {
      await app.ready(env.PROCESS_ROLE === 'worker');
    } catch (error) {
      await app.kill();
      throw error;
    }
    return app;
  }

  /** Starts it without waiting for anything. */
  static spawn(env: Record<string, string>): AppProcess {
    const child = spawn(process.execPath, START, {
      // Nothing of the machine's own settings may reach it.
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new AppProcess(child, `http://127.0.0.1:${env.PORT ?? '5000'}`);
  }

  private async ready(isWorker: boolean): Promise<void> {
    let ended = false;
    void this.exit.then(() => (ended = true));
    await until('the application is ready', () => {
      if (ended) throw new Error(`The application did not start:\n${JSON.stringify(this.logs, null, 1)}`);
      return isWorker
        ? this.logs.some((line) => line.msg === 'The worker is ready')
        : fetch(`${this.url}/health/ready`).then(
            (response) => response.ok,
            () => false,
          );
    });
  }

  /** As a crash: nothing gets to finish. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit;
  }

  /** As a deploy: SIGTERM, then whatever time it takes. Returns the exit code, null when a signal ended it. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.exit;
  }

  /** SIGSTOP and SIGCONT: it sleeps for a while and does not know. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Resolves with the exit code. */
  get exited(): Promise<number | null> {
    return this.exit;
  }
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { raw: line };
  }
}
