import { Logger } from '@nestjs/common';
import type { Redis, RedisOptions } from 'ioredis';
import type { RedisClient } from '../redis/redis-client.js';
import { findServerOf } from '../redis/servers.js';
import { type ReplyEvent, toEvent } from './reply-stream.js';

/** The longest wait for news before looking around, ms. */
const BLOCK_MS = 5000;
const RECONNECT_MS = 500;
/** Between two tries to end a read. Streams that are added within this time, as thousands may be, share one. */
const INTERRUPT_MS = 10;

/** It ends with its connection: the next one may be to another node, and has another id to unblock. */
const CONNECTION_OPTIONS = {
  retryStrategy: () => null,
  maxRetriesPerRequest: 0,
  commandTimeout: undefined,
} satisfies Partial<RedisOptions>;

export type EventListener = (events: readonly ReplyEvent[]) => void;

interface Followed {
  lastId: string;
  listeners: Set<EventListener>;
}

/** Follows streams that one server has, in a cluster those of one slot, with one connection and one blocking XREAD. */
export class StreamShardReader {
  private readonly logger = new Logger(StreamShardReader.name);
  private readonly followed = new Map<string, Followed>();
  private connection: Redis | undefined;
  private connectionId: number | undefined;
  private running = false;
  private interrupting = false;
  /** True when the read in flight does not know every stream that is followed. */
  private isReadOld = false;
  private stopped = false;

  constructor(private readonly redis: RedisClient) {}

  /** See ReplyStreamReader. */
  follow(key: string, afterId: string, listener: EventListener): () => void {
    const followed = this.followed.get(key) ?? { lastId: afterId, listeners: new Set() };
    followed.listeners.add(listener);
    if (!this.followed.has(key)) {
      this.followed.set(key, followed);
      this.isReadOld = true;
    }
    if (!this.running) void this.run();
    else if (this.isReadOld) void this.interrupt();
    return () => {
      followed.listeners.delete(listener);
      if (followed.listeners.size === 0) this.followed.delete(key);
    };
  }

  stop(): void {
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
        this.disconnect();
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
      }
    }
    this.running = false;
  }

  private async readOnce(): Promise<void> {
    const connection = (this.connection ??= await this.connect());
    this.connectionId ??= await connection.client('ID');
    const entries = [...this.followed];
    if (entries.length === 0) return;
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

  private async connect(): Promise<Redis> {
    const server = await this.findServer();
    if (server === undefined) throw new Error('No server has the streams');
    const connection = server.duplicate(CONNECTION_OPTIONS);
    connection.on('error', () => {
      // Its errors repeat those of the command client, which logs them.
    });
    return connection;
  }

  private disconnect(): void {
    this.connection?.disconnect();
    this.connection = undefined;
    this.connectionId = undefined;
  }

  private async findServer(): Promise<Redis | undefined> {
    const [key] = this.followed.keys();
    return key === undefined ? undefined : findServerOf(this.redis, key);
  }

  /** A blocked read does not know of a stream that was added meanwhile, nor does one that is on its way to Redis. */
  private async interrupt(): Promise<void> {
    if (this.interrupting) return;
    this.interrupting = true;
    while (this.isReadOld && this.running && this.connectionId !== undefined) {
      await this.unblock(this.connectionId).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, INTERRUPT_MS));
    }
    this.interrupting = false;
  }

  private async unblock(connectionId: number): Promise<void> {
    const server = await this.findServer();
    if (server === undefined || this.connection === undefined) return;
    if (addressOf(server) === addressOf(this.connection)) await server.client('UNBLOCK', connectionId);
    // The streams have moved to another node: the read fails, and the next one is made there.
    else this.connection.disconnect();
  }
}

const addressOf = ({ options }: Redis): string => `${options.host}:${options.port}`;
