import { Inject, Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { keys } from '../redis/keys.js';
import { REDIS } from '../redis/redis.module.js';
import { type ReplyEvent, toEvent } from './reply-stream.js';

/** The longest wait for news before looking around, ms. */
const BLOCK_MS = 5000;
const RECONNECT_MS = 500;
/** Between two tries to end a read. Streams that are added within this time, as thousands may be, share one. */
const INTERRUPT_MS = 10;

export type EventListener = (events: readonly ReplyEvent[]) => void;

interface Followed {
  lastId: string;
  listeners: Set<EventListener>;
}

/**
 * Follows all streams that somebody in this process listens to, with one connection and one blocking XREAD. Listeners
 * get each batch as it comes and must not block; one who cannot keep up reads on by itself later (ReplyStream.read), so
 * nothing is held for anybody here.
 */
@Injectable()
export class ReplyStreamReader implements BeforeApplicationShutdown {
  private readonly logger = new Logger(ReplyStreamReader.name);
  private readonly followed = new Map<string, Followed>();
  private connection: Redis | undefined;
  private connectionId: number | undefined;
  private running = false;
  private interrupting = false;
  /** True when the read in flight does not know every stream that is followed. */
  private isReadOld = false;
  private stopped = false;

  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  /**
   * From now on `listener` gets what comes after `afterId`; it may be called with events that it has seen, when others
   * listen already. Returns the function that ends it.
   */
  follow(replyId: string, afterId: string, listener: EventListener): () => void {
    const key = keys.replyStream(replyId);
    const followed = this.followed.get(key) ?? { lastId: afterId, listeners: new Set() };
    followed.listeners.add(listener);
    if (!this.followed.has(key)) {
      this.followed.set(key, followed);
      this.isReadOld = true;
    }
    if (this.stopped) return () => undefined;
    if (!this.running) void this.run();
    else if (this.isReadOld) void this.interrupt();
    return () => {
      followed.listeners.delete(listener);
      if (followed.listeners.size === 0) this.followed.delete(key);
    };
  }

  beforeApplicationShutdown(): void {
    this.stopped = true;
    this.connection?.disconnect();
  }

  /** Ends by itself when nobody listens any more. */
  private async run(): Promise<void> {
    this.running = true;
    while (this.followed.size > 0 && !this.stopped) {
      try {
        await this.readOnce();
      } catch (err) {
        this.logger.debug({ err }, 'Reading the streams failed; trying again');
        this.connectionId = undefined;
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
      }
    }
    this.running = false;
  }

  private async readOnce(): Promise<void> {
    const connection = this.connect();
    this.connectionId ??= await connection.client('ID');
    const entries = [...this.followed];
    this.isReadOld = false;
    const batches = await connection.xread(
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      ...entries.map(([key]) => key),
      ...entries.map(([, { lastId }]) => lastId),
    );
    for (const [key, items] of batches ?? []) {
      const followed = this.followed.get(key);
      const last = items.at(-1);
      if (followed === undefined || last === undefined) continue;
      followed.lastId = last[0];
      const events = items.map(([id, fields]) => toEvent(id, fields));
      for (const listener of followed.listeners) listener(events);
    }
  }

  private connect(): Redis {
    this.connection ??= this.open();
    return this.connection;
  }

  /** A read fails with its connection instead of being sent again: on the next one it has another id to unblock. */
  private open(): Redis {
    const connection = this.redis.duplicate({ maxRetriesPerRequest: 0, commandTimeout: undefined });
    connection.on('error', () => {
      // Its errors repeat those of the command client, which logs them.
    });
    connection.on('close', () => (this.connectionId = undefined));
    return connection;
  }

  /** A blocked read does not know of a stream that was added meanwhile, nor does one that is on its way to Redis. */
  private async interrupt(): Promise<void> {
    if (this.interrupting) return;
    this.interrupting = true;
    while (this.isReadOld && this.running && this.connectionId !== undefined) {
      await this.redis.client('UNBLOCK', this.connectionId).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, INTERRUPT_MS));
    }
    this.interrupting = false;
  }
}
