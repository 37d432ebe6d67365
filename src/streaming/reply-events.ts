import { EventEmitter } from 'node:events';
import { Inject, Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Redis, RedisOptions } from 'ioredis';
import { REPLY_FINAL_CHANNEL } from '../redis/keys.js';
import { reconnectAfter, type RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { findServer } from '../redis/servers.js';

export interface ReplyListener {
  /** Resolves when there is reason to look at the reply again, else after `ms`. */
  next(ms: number): Promise<void>;
  /** To be called when the waiting is over. */
  close(): void;
}

/** What every listener hears: the process stops, or announcements may have been missed. */
const EVERYBODY = 'everybody';

/** It ends with its connection: the next one may be to another node. */
const SUBSCRIBER_OPTIONS = {
  lazyConnect: false,
  retryStrategy: () => null,
  maxRetriesPerRequest: null,
  commandTimeout: undefined,
  autoResubscribe: false,
} satisfies Partial<RedisOptions>;

/**
 * Tells whoever waits, in any process, that a reply got its final state. A hint and no record: pub/sub forgets, so
 * waiters look at the row too.
 */
@Injectable()
export class ReplyEvents implements BeforeApplicationShutdown {
  private readonly logger = new Logger(ReplyEvents.name);
  private readonly emitter = new EventEmitter().setMaxListeners(0);
  private subscriber: Redis | undefined;
  private hearing = false;
  private stopping = false;

  constructor(@Inject(REDIS) private readonly redis: RedisClient) {}

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

  /** Begins to listen at once: call it before looking at the row, so that nothing falls between. */
  listen(replyId: string): ReplyListener {
    this.hear();
    let wake: () => void = noop;
    let heard = false;
    const onEvent = (): void => {
      heard = true;
      wake();
    };
    this.emitter.on(replyId, onEvent).on(EVERYBODY, onEvent);
    return {
      next: async (ms) => {
        if (!heard && !this.stopping) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, ms);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        }
        heard = false;
      },
      close: () => {
        wake();
        this.emitter.off(replyId, onEvent).off(EVERYBODY, onEvent);
      },
    };
  }

  /** Calls back when somebody, in any process, announces that the reply is final. Returns the function that ends it. */
  onFinal(replyId: string, callback: () => void): () => void {
    this.hear();
    this.emitter.on(replyId, callback);
    return () => {
      this.emitter.off(replyId, callback);
    };
  }

  /** After the workers' turn (Nest goes from the root inward), so that who waits still gets what they finished. */
  beforeApplicationShutdown(): void {
    this.stopping = true;
    this.emitter.emit(EVERYBODY);
    this.subscriber?.disconnect();
  }

  /** One subscription a process, made when somebody first waits, and again whenever its connection was lost. */
  private hear(): void {
    if (this.hearing) return;
    this.hearing = true;
    this.connect(1);
  }

  private connect(attempt: number): void {
    if (this.stopping) return;
    let next = attempt + 1;
    const again = (): void => {
      setTimeout(() => {
        this.connect(next);
      }, reconnectAfter(attempt)).unref();
    };
    const server = findServer(this.redis);
    if (server === undefined) {
      again();
      return;
    }
    const client = server.duplicate(SUBSCRIBER_OPTIONS);
    this.subscriber = client;
    // Its errors repeat those of the command client, which logs them.
    client.on('error', noop);
    client.on('end', again);
    client.on('message', (_channel, replyId: string) => this.emitter.emit(replyId));
    client.on('ready', () => {
      client.subscribe(REPLY_FINAL_CHANNEL).then(
        () => {
          next = 1;
          // What was announced before this moment was not heard here.
          this.emitter.emit(EVERYBODY);
        },
        () => {
          client.disconnect();
        },
      );
    });
  }
}

function noop(): void {
  // Nothing to do.
}
