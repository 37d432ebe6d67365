import pg from 'pg';
import { startTestApp, type TestApp } from '../../test/support/test-app.js';
import { LoadClient } from '../load/client.js';
import type { Options } from './arguments.js';
import { Child } from './child.js';
import type { Processes } from './meter.js';
import { parentOf } from './proc.js';

/**
 * What the application runs with in every case: the defaults of production where the tests have others, one line in
 * the log for what goes wrong and none for a request, and limits on requests that a load from one machine does not meet.
 */
const SETTINGS = {
  LOG_LEVEL: 'error',
  JWT_TTL_SECONDS: '86400',
  THROTTLE_IP_PER_MINUTE: '1000000',
  THROTTLE_USER_PER_MINUTE: '1000000',
  ROOM_UNANSWERED_MAX: '10',
  USER_UNANSWERED_MAX: '50',
  TITLES_ENABLED: 'true',
  REPLY_RETRY_BASE_MS: '1000',
  QUEUE_LOCK_MS: '10000',
  SWEEP_INTERVAL_MS: '10000',
  PRUNE_INTERVAL_MS: '60000',
};

/** The simulated model as a process of its own. */
export interface Model {
  readonly url: string;
  readonly pid: number;
  pace(pace: { firstTokenMs: number; chunkMs: number }): void;
}

/** What a case starts; all of it stops with the case. */
export class Bench {
  private readonly endings: (() => Promise<unknown>)[] = [];
  private app: TestApp | undefined;
  private modelProcess: Child | undefined;
  private postgres = 0;

  private constructor(
    readonly options: Options,
    readonly client: LoadClient,
  ) {
    this.endings.push(() => client.stop());
  }

  static async open(options: Options): Promise<Bench> {
    return new Bench(options, await LoadClient.start());
  }

  /** A length that `--quick` shortens. */
  short(full: number, quick: number): number {
    return this.options.quick ? quick : full;
  }

  /** The application around a database and a Redis of its own. `--set` has the last word. */
  async startApp(settings: Record<string, string> = {}): Promise<TestApp> {
    const app = await startTestApp({ ...SETTINGS, ...settings, ...this.options.settings });
    this.endings.unshift(() => app.stop());
    this.app = app;
    this.postgres = await postmaster(app.database);
    return app;
  }

  async startModel(): Promise<Model> {
    const child = await this.startChild('model.ts');
    this.modelProcess = child;
    return {
      url: child.ready as string,
      pid: child.pid,
      pace: (pace) => child.process.send(pace),
    };
  }

  /**
   * A limit: a server in bench/limits/ with the settings of the application, and so with its Postgres and Redis.
   *
   * @returns its process, whose first message was its URL
   */
  startLimit(file: string, app: TestApp, settings: Record<string, string> = {}): Promise<Child> {
    return this.startChild(`limits/${file}`, { ...app.env, ...settings });
  }

  async startChild(file: string, env: Record<string, string> = {}): Promise<Child> {
    const child = await Child.start(file, env);
    this.endings.unshift(() => child.stop());
    return child;
  }

  onEnd(stop: () => Promise<unknown>): void {
    this.endings.unshift(stop);
  }

  processes(server: number): Processes {
    const { app, modelProcess, postgres } = this;
    return {
      server,
      postgres,
      redis: app?.redis.pid ?? 0,
      client: this.client.pid,
      ...(modelProcess ? { model: modelProcess.pid } : {}),
    };
  }

  async close(): Promise<void> {
    for (const end of this.endings) await end();
  }
}

/** The process that all of Postgres' others are children of. */
async function postmaster(database: pg.Pool): Promise<number> {
  const { rows } = await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return parentOf(rows[0]?.pid ?? 0);
}
