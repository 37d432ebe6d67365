import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Cluster } from 'ioredis';
import { keys, streamShard } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { type EventListener, StreamShardReader } from './stream-shard-reader.js';

/**
 * Follows all streams that somebody in this process listens to: with one connection, or in a cluster one for each shard
 * of the streams, however many they are. Listeners get each batch as it comes and must not block; one who cannot keep up
 * reads on by itself later (ReplyStream.read), so nothing is held for anybody here.
 */
@Injectable()
export class ReplyStreamReader implements BeforeApplicationShutdown {
  private readonly readers = new Map<string, StreamShardReader>();
  private stopped = false;

  constructor(@Inject(REDIS) private readonly redis: RedisClient) {}

  /**
   * From now on `listener` gets what comes after `afterId`; it may be called with events that it has seen, when others
   * listen already. Returns the function that ends it.
   */
  follow(replyId: string, afterId: string, listener: EventListener): () => void {
    if (this.stopped) return () => undefined;
    return this.readerFor(replyId).follow(keys.replyStream(replyId), afterId, listener);
  }

  beforeApplicationShutdown(): void {
    this.stopped = true;
    for (const reader of this.readers.values()) reader.stop();
  }

  private readerFor(replyId: string): StreamShardReader {
    const shard = this.redis instanceof Cluster ? streamShard(replyId) : 'all';
    const reader = this.readers.get(shard) ?? new StreamShardReader(this.redis);
    this.readers.set(shard, reader);
    return reader;
  }
}
