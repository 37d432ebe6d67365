import { Inject, Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { findServerOf } from '../redis/servers.js';
import { Subscriber } from './subscriber.js';

/** @param message what was published. None: something may have been missed, so look */
export type ChannelListener = (message?: string) => void;

interface Channel {
  listeners: Set<ChannelListener>;
  /** Who hears it; none while nobody does. */
  subscriber?: Subscriber;
}

const RETRY_MS = 100;
const RETRY_MS_MAX = 5000;

/**
 * What is published of the replies that somebody in this process waits for, and of no others: with one connection, in a
 * cluster one to each node, and at a cost for each message that does not depend on how many channels there are.
 *
 * Pub/sub forgets. So listeners are told to look for themselves when a channel is heard from now on, and whenever it was
 * not: after a lost connection, and at each try to hear it again that fails.
 */
@Injectable()
export class ReplyChannels implements BeforeApplicationShutdown {
  private readonly logger = new Logger(ReplyChannels.name);
  private readonly channels = new Map<string, Channel>();
  /** By the address of their server. */
  private readonly subscribers = new Map<string, Subscriber>();
  /** Followed in this turn of the event loop: thousands, maybe, which one command subscribes to. */
  private followed: string[] = [];
  private deaf = false;
  private stopping = false;

  constructor(@Inject(REDIS) private readonly redis: RedisClient) {}

  /** True once the process is about to stop: end what waits. */
  get isStopping(): boolean {
    return this.stopping;
  }

  /** Never calls `listener` before it returns. Returns the function that ends it. */
  follow(name: string, listener: ChannelListener): () => void {
    const channel = this.channels.get(name) ?? { listeners: new Set() };
    channel.listeners.add(listener);
    if (!this.channels.has(name)) {
      this.channels.set(name, channel);
      this.hearSoon(name);
    } else if (channel.subscriber !== undefined) {
      queueMicrotask(listener);
    }
    return () => {
      channel.listeners.delete(listener);
      if (channel.listeners.size > 0 || this.channels.get(name) !== channel) return;
      this.channels.delete(name);
      channel.subscriber?.unsubscribe(name);
    };
  }

  /** After the workers' turn (Nest goes from the root inward), so that who waits still gets what they finished. */
  beforeApplicationShutdown(): void {
    this.stopping = true;
    for (const subscriber of this.subscribers.values()) subscriber.disconnect();
    this.look([...this.channels.keys()]);
  }

  private hearSoon(name: string): void {
    if (this.followed.push(name) > 1) return;
    setImmediate(() => {
      this.hearAll(this.followed);
      this.followed = [];
    });
  }

  private hearAll(names: readonly string[], attempt = 1): void {
    if (this.stopping) return;
    const bySlot = new Map<string, string[]>();
    for (const name of names) {
      const ofSlot = bySlot.get(tagOf(name));
      if (ofSlot) ofSlot.push(name);
      else bySlot.set(tagOf(name), [name]);
    }
    for (const ofSlot of bySlot.values()) void this.hear(ofSlot, attempt);
  }

  /** @param names of one slot */
  private async hear(names: readonly string[], attempt: number): Promise<void> {
    try {
      const subscriber = await this.subscriberOf(names[0] ?? '');
      await subscriber.subscribe(names);
      for (const name of names) {
        const channel = this.channels.get(name);
        if (channel) channel.subscriber = subscriber;
        else subscriber.unsubscribe(name);
      }
      if (this.deaf) this.logger.log('Live replies are heard again');
      this.deaf = false;
    } catch (err) {
      if (this.stopping) return;
      if (!this.deaf) this.logger.warn({ err }, 'Live replies are not heard; they are looked for instead');
      this.deaf = true;
      this.hearLater(names, attempt);
    }
    this.look(names);
  }

  private hearLater(names: readonly string[], attempt: number): void {
    const pause = Math.min(RETRY_MS * attempt ** 2, RETRY_MS_MAX);
    setTimeout(() => {
      this.hearAll(
        names.filter((name) => this.channels.has(name)),
        attempt + 1,
      );
    }, pause).unref();
  }

  private look(names: readonly string[]): void {
    for (const name of names) for (const listener of this.channels.get(name)?.listeners ?? []) listener();
  }

  private async subscriberOf(name: string): Promise<Subscriber> {
    const server = await findServerOf(this.redis, name);
    if (server === undefined) throw new Error('No server has the streams');
    if (this.stopping) throw new Error('The process stops');
    const address = `${server.options.host}:${server.options.port}`;
    const there = this.subscribers.get(address);
    if (there) return there;
    const subscriber = new Subscriber(server, {
      onMessage: (channel, message) => {
        for (const listener of this.channels.get(channel)?.listeners ?? []) listener(message);
      },
      onEnd: () => {
        this.subscribers.delete(address);
        this.lose(subscriber);
      },
    });
    this.subscribers.set(address, subscriber);
    return subscriber;
  }

  private lose(subscriber: Subscriber): void {
    const lost = [...this.channels].filter(([, channel]) => channel.subscriber === subscriber);
    for (const [, channel] of lost) delete channel.subscriber;
    this.hearLater(
      lost.map(([name]) => name),
      1,
    );
  }
}

/** Decides the slot: see redis/keys.ts. */
const tagOf = (name: string): string => /\{(.*?)\}/.exec(name)?.[1] ?? name;
