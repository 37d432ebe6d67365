import { EventEmitter } from 'node:events';
import { Inject, Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { REPLY_FINAL_CHANNEL } from '../redis/keys.js';
import { REDIS } from '../redis/redis.module.js';

export interface ReplyListener {
  next(ms: number): Promise<void>;
  /** To be called when the waiting is over. */
  close(): void;
}

const STOPPING = 'stopping';

/**
 * Tells whoever waits, in any process, that a reply got its final state. A hint and no record: pub/sub forgets, so
 * waiters look at the row too.
 */
@Injectable()
export class ReplyEvents implements BeforeApplicationShutdown {
  private readonly logger = new Logger(ReplyEvents.name);
  private readonly emitter = new EventEmitter().setMaxListeners(0);
  private subscriber: Redis | undefined;
  private stopping = false;

  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  /** True once the process is about to stop: end what waits. */
  get isStopping(): boolean {
    return this.stopping;
  }

  async announceFinal(replyId: string): Promise<void> {
    try {
      await this.redis.publish(REPLY_FINAL_CHANNEL, replyId);
    } catch (err) {
      this.logger.warn(
        { err, replyId },
        'Waiters were not told of a final reply; they find it by themselves',
      );
    }
  }

  /**
   * Begins to listen at once: call it before looking at the row, so that nothing falls between.
   *
   * @returns `next(ms)` resolves when the reply is announced as final, after `ms`, or when the process stops
   */
  listen(replyId: string): ReplyListener {
    this.subscriber ??= this.connect();
    let wake: () => void = noop;
    let announced = false;
    const onEvent = (): void => {
      announced = true;
      wake();
    };
    this.emitter.on(replyId, onEvent);
    return {
      next: (ms) =>
        new Promise((resolve) => {
          if (announced || this.stopping) {
            resolve();
            return;
          }
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
          this.emitter.once(STOPPING, wake);
        }),
      close: () => {
        this.emitter.off(replyId, onEvent);
        this.emitter.off(STOPPING, wake);
      },
    };
  }

  /** After the workers' turn (Nest goes from the root inward), so that who waits still gets what they finished. */
  beforeApplicationShutdown(): void {
    this.stopping = true;
    this.emitter.emit(STOPPING);
    this.subscriber?.disconnect();
  }

  /** One subscription a process, made when somebody first waits. */
  private connect(): Redis {
    const client = this.redis.duplicate({ maxRetriesPerRequest: null, commandTimeout: undefined });
    // Its errors repeat those of the command client, which logs them; it connects and subscribes again by itself.
    client.on('error', noop);
    client.on('message', (_channel, replyId: string) => this.emitter.emit(replyId));
    client.subscribe(REPLY_FINAL_CHANNEL).catch(noop);
    return client;
  }
}

function noop(): void {
  // Nothing to do.
}
