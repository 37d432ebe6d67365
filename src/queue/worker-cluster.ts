import { Cluster, type ClusterOptions } from 'ioredis';
import { clusterOptions, reconnectAfter, type RedisUrls } from '../redis/redis-client.js';

/**
 * A worker's connections to a cluster. They connect at once and by themselves: BullMQ would call `connect` on a lazy one a
 * single time, and keep its failure.
 */
export class WorkerCluster extends Cluster {
  constructor(
    private readonly urls: RedisUrls,
    options: ClusterOptions,
  ) {
    super([...urls], clusterOptions(urls, options));
    // BullMQ listens for as long as the worker is open; RedisModule logs the same failures, once.
    this.on('error', () => undefined);
  }

  override duplicate(_nodes?: unknown, options: ClusterOptions = {}): Cluster {
    return new WorkerCluster(this.urls, options);
  }

  /** BullMQ asks this once for each connection, and one that got no answer is of no use to it ever after. */
  override async info(): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await super.info();
      } catch (err) {
        if (this.status === 'end') throw err;
        await new Promise((resolve) => setTimeout(resolve, reconnectAfter(attempt)));
      }
    }
  }
}
