import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisCluster } from './redis-cluster.js';

/** Where the nodes really are whose clients are sent through a line, by where they are announced. */
const behindLines: Record<string, { host: string; port: number }> = {};

/** Has clients sent through these lines, in the order of the nodes; but not the ones that tests look with. */
export async function announceLines(cluster: RedisCluster, ports: readonly number[]): Promise<void> {
  for (const [n, port] of ports.entries()) {
    behindLines[`127.0.0.1:${port}`] = { host: '127.0.0.1', port: cluster.nodes[n]?.port ?? 0 };
  }
  await cluster.announce(ports);
}

/**
 * A client to look with, and to change what no request can. For several, comma-separated URLs it is one of a cluster,
 * in which the commands that tests use on all that there is go to all nodes.
 */
export function openRedis(url: string, options: RedisOptions = {}): Redis {
  const urls = url.split(',');
  if (urls.length === 1) return new Redis(url, options);
  const { password } = new URL(urls[0] ?? '');
  const redisOptions = { password, ...options };
  // Not one by its class, but by what is asked of it.
  return new WholeCluster(urls, { redisOptions, natMap: behindLines }) as unknown as Redis;
}

/** Has Redis forget everything. */
export async function emptyRedis(url: string): Promise<void> {
  const redis = openRedis(url);
  await redis.flushall();
  redis.disconnect();
}

class WholeCluster extends Cluster {
  override async keys(...[pattern]: unknown[]): Promise<string[]> {
    return (await this.each((node) => node.keys(String(pattern)))).flat();
  }

  override async flushall(): Promise<'OK'> {
    await this.each((node) => node.flushall());
    return 'OK';
  }

  /** The answers of all nodes, one after the other where they are texts. */
  override async call(...[command, ...args]: unknown[]): Promise<unknown> {
    const answers = await this.each((node) => node.call(String(command), ...args.map(String)));
    return answers.every((answer) => typeof answer === 'string') ? answers.join('\n') : answers[0];
  }

  private async each<T>(ask: (node: Redis) => Promise<T>): Promise<T[]> {
    // Which nodes there are is known once a command was answered.
    await this.cluster('INFO');
    return Promise.all(this.nodes('master').map(ask));
  }
}
