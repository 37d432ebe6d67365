import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';

/** One Redis, or a cluster of them: the same commands, and those on several keys where all have one tag (see keys.ts). */
export type RedisClient = Redis | Cluster;

export type RedisUrls = readonly [string, ...string[]];

const RECONNECT_MS_MAX = 1000;
/** How often the map of the cluster is read again, also while nothing asks for what has moved. */
const MAP_READ_MS = 5000;

export const reconnectAfter = (attempt: number): number => Math.min(attempt * 100, RECONNECT_MS_MAX);

/** @param urls of nodes, one at least; user, password and TLS of the first are those of all */
export const connectToCluster = (urls: RedisUrls, options: ClusterOptions): Cluster =>
  new TimedCluster([...urls], clusterOptions(urls, options));

/** How every cluster of ours is found again, and who we are there. */
export function clusterOptions(urls: RedisUrls, options: ClusterOptions): ClusterOptions {
  return {
    clusterRetryStrategy: reconnectAfter,
    slotsRefreshInterval: MAP_READ_MS,
    // Nodes keep their names, which TLS compares with certificates.
    dnsLookup: (host, callback) => {
      callback(null, host);
    },
    ...options,
    redisOptions: { ...accessOf(new URL(urls[0])), ...options.redisOptions },
  };
}

/** The cluster tells of its nodes by their addresses alone. */
function accessOf({ protocol, username, password }: URL): RedisOptions {
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  };
}

/** ioredis begins to count a command's time when a node has it; here that includes looking for the node. */
class TimedCluster extends Cluster {
  override sendCommand(...[command, ...where]: Parameters<Cluster['sendCommand']>): unknown {
    const timeout = this.options.redisOptions?.commandTimeout;
    if (timeout !== undefined) command.setTimeout(timeout);
    return super.sendCommand(command, ...where);
  }
}
