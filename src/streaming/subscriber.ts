import type { Redis, RedisOptions } from 'ioredis';

/** How often a connection is asked whether it still is one: what is lost without a word is found out by that alone. */
const CHECK_MS = 5000;

/** It ends with its connection: the next one may be to another node. */
const CONNECTION_OPTIONS = {
  lazyConnect: false,
  retryStrategy: () => null,
  maxRetriesPerRequest: null,
  commandTimeout: 3000,
  autoResubscribe: false,
} satisfies Partial<RedisOptions>;

export interface SubscriberEvents {
  onMessage: (channel: string, message: string) => void;
  /** Nothing is heard any more. Called once. */
  onEnd: () => void;
}

/**
 * One connection that hears what is published at one server. Channels are sharded ones, which in a cluster stay with the
 * node that has their slot; before Redis 7, which has none, ordinary ones.
 */
export class Subscriber {
  private readonly client: Redis;
  private sharded = true;

  constructor(server: Redis, { onMessage, onEnd }: SubscriberEvents) {
    const client = (this.client = server.duplicate(CONNECTION_OPTIONS));
    const end = (): void => {
      client.disconnect();
    };
    const check = setInterval(() => {
      client.ping().catch(end);
    }, CHECK_MS).unref();
    // Those of the server repeat what the command client logs. The others say that a slot has moved to another node.
    client.on('error', end).on('moved', end);
    client.on('message', onMessage).on('smessage', onMessage);
    client.once('end', () => {
      clearInterval(check);
      onEnd();
    });
  }

  /** Resolves once they are heard. @param channels of one slot */
  async subscribe(channels: readonly string[]): Promise<void> {
    try {
      if (this.sharded) await this.client.ssubscribe(...channels);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('unknown command')) throw error;
      this.sharded = false;
    }
    if (!this.sharded) await this.client.subscribe(...channels);
  }

  unsubscribe(channel: string): void {
    const told = this.sharded ? this.client.sunsubscribe(channel) : this.client.unsubscribe(channel);
    // What is not told here ends with the connection.
    told.catch(() => undefined);
  }

  disconnect(): void {
    this.client.disconnect();
  }
}
