import { findRedisServer } from '../../local/services/redis-program.js';
import { type Service, startService } from '../../local/services/processes.js';
import { findFreePort } from '../../local/services/ports.js';
import { connect } from 'node:net';
import { until } from './until.js';

const FORGETFUL = ['--save', '', '--appendonly', 'no'];

/** A Redis that can be killed and started again at the same address, with nothing in it. */
export class OwnRedis {
  private service: Service | undefined;

  private constructor(
    private readonly port: number,
    private readonly settings: readonly string[],
  ) {}

  /** @param settings as arguments of the program */
  static async start(settings: readonly string[] = FORGETFUL): Promise<OwnRedis> {
    const redis = new OwnRedis(await findFreePort(), settings);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.service = await startService({
      command: await findRedisServer(),
      argv0: 'redis-server',
      args: ['--bind', '127.0.0.1', '--port', String(this.port), ...this.settings],
      stopSignal: 'SIGTERM',
      graceMs: 5000,
    });
    await until('Redis listens', () => listens(this.port));
  }

  /** As a crash. */
  async kill(): Promise<void> {
    await this.service?.stop(true);
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
