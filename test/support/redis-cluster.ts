import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findFreePort } from '../../local/services/ports.js';
import { type Service, startService } from '../../local/services/processes.js';
import { findRedisServer } from '../../local/services/redis-program.js';
import { until } from './until.js';

const MASTERS = 3;
const SLOTS = 16_384;
/** Of those of a master. */
const firstSlot = (n: number): number => Math.floor((SLOTS * n) / MASTERS);
/** Longer than any test keeps a node from running: none is taken for dead that only sleeps. */
const PATIENT_MS = 60_000;

export interface ClusterOptions {
  /** Gives each master a replica, which takes over when that is silent for this long, ms. */
  failoverMs?: number;
}

interface Node {
  id: string;
  /** Of a replica: the id of its master. */
  masterId: string | undefined;
  port: number;
  busPort: number;
  /** Where clients are told to find it. */
  announcedPort: number;
  directory: string;
  service?: Service;
}

/** A Redis Cluster of three masters on 127.0.0.1, each with a third of the slots. It can be killed, and started with nothing in it. */
export class RedisCluster {
  private readonly password = randomBytes(12).toString('hex');

  private constructor(
    private readonly directory: string,
    private readonly nodeTimeoutMs: number,
    /** The masters, then their replicas in the same order. */
    readonly nodes: readonly Node[],
  ) {}

  static async start({ failoverMs }: ClusterOptions = {}): Promise<RedisCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'redis-cluster-'));
    const nodes: Node[] = [];
    while (nodes.length < (failoverMs === undefined ? MASTERS : 2 * MASTERS)) {
      const [port, busPort] = [await findFreePort(), await findFreePort()];
      nodes.push({
        id: randomBytes(20).toString('hex'),
        masterId: nodes[nodes.length - MASTERS]?.id,
        ...{ port, busPort, announcedPort: port },
        directory: join(directory, String(nodes.length)),
      });
    }
    const cluster = new RedisCluster(directory, failoverMs ?? PATIENT_MS, nodes);
    await Promise.all(nodes.map((node) => cluster.introduce(node)));
    await cluster.start();
    return cluster;
  }

  /** Of the first node. */
  get pid(): number {
    return this.nodes[0]?.service?.pid ?? 0;
  }

  /** Of all nodes, comma-separated. */
  get url(): string {
    return this.nodes.map(({ port }) => this.urlOf(port)).join(',');
  }

  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => this.launch(node)));
    await until('the cluster takes commands', async () => {
      const infos = await this.onEachNode((node) => node.cluster('INFO'));
      return infos.every((info) => info.includes('cluster_state:ok'));
    });
    await until('the replicas follow', async () => {
      const infos = await this.onEachNode((node) => node.info('replication'));
      return infos.every((info) => !info.includes('master_link_status:down'));
    });
  }

  /** As a crash of the node that listens on this port. */
  async killNode(port: number | undefined): Promise<void> {
    await this.nodes.find((node) => node.port === port)?.service?.stop(true);
  }

  /** As a crash of all nodes. */
  async kill(): Promise<void> {
    await Promise.all(this.nodes.map(async ({ service }) => service?.stop(true)));
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** All nodes hang, until `thaw`. */
  freeze(): void {
    this.signal('SIGSTOP');
  }

  thaw(): void {
    this.signal('SIGCONT');
  }

  /** From now on, and after a restart, clients are told to find the nodes at other ports. In the order of `nodes`. */
  async announce(ports: readonly number[]): Promise<void> {
    for (const [n, node] of this.nodes.entries()) node.announcedPort = ports[n] ?? node.port;
    const announced = this.nodes.map((node) => node.announcedPort).sort();
    await this.onEachNode((redis, { announcedPort }) =>
      redis.config('SET', 'cluster-announce-port', announcedPort),
    );
    await until('all nodes know the ports', async () => {
      const maps = await this.onEachNode((redis) => redis.cluster('SLOTS'));
      return maps.every(
        (map) =>
          JSON.stringify(map.map((range) => (range[2] as unknown[])[1]).sort()) === JSON.stringify(announced),
      );
    });
  }

  /** Gives the slot of a key, with all that is in it, to another master. */
  async moveSlotOf(key: string): Promise<void> {
    const masters = this.nodes.slice(0, MASTERS);
    const clients = masters.map(({ port }) => new Redis(this.urlOf(port)));
    try {
      const slot = (await clients[0]?.cluster('KEYSLOT', key)) ?? 0;
      const from = masters.findLastIndex((_, n) => firstSlot(n) <= slot);
      const to = (from + 1) % MASTERS;
      await clients[to]?.cluster('SETSLOT', slot, 'IMPORTING', masters[from]?.id ?? '');
      await clients[from]?.cluster('SETSLOT', slot, 'MIGRATING', masters[to]?.id ?? '');
      const keys = (await clients[from]?.cluster('GETKEYSINSLOT', slot, 1000)) ?? [];
      const target = ['127.0.0.1', masters[to]?.port ?? 0, '', 0, 5000, 'AUTH', this.password] as const;
      if (keys.length > 0) await clients[from]?.call('MIGRATE', ...target, 'KEYS', ...keys);
      for (const n of [to, from, 3 - to - from])
        await clients[n]?.cluster('SETSLOT', slot, 'NODE', masters[to]?.id ?? '');
    } finally {
      for (const client of clients) client.disconnect();
    }
  }

  urlOf(port: number): string {
    return `redis://:${this.password}@127.0.0.1:${port}`;
  }

  private signal(signal: NodeJS.Signals): void {
    for (const { service } of this.nodes) if (service) process.kill(service.pid, signal);
  }

  private onEachNode<T>(ask: (redis: Redis, node: Node) => Promise<T>): Promise<T[]> {
    return Promise.all(
      this.nodes.map(async (node) => {
        const redis = new Redis(this.urlOf(node.port), { commandTimeout: 5000 });
        redis.on('error', () => undefined);
        try {
          return await ask(redis, node);
        } finally {
          redis.disconnect();
        }
      }),
    );
  }

  /** What a node remembers of the others over a restart: so they need not meet. */
  private async introduce(node: Node): Promise<void> {
    mkdirSync(node.directory, { recursive: true });
    const lines = this.nodes.map(({ id, masterId, port, busPort }, n) => {
      const flags = `${id === node.id ? 'myself,' : ''}${masterId === undefined ? 'master' : 'slave'}`;
      const slots = masterId === undefined ? ` ${firstSlot(n)}-${firstSlot(n + 1) - 1}` : '';
      const epoch = (n % MASTERS) + 1;
      return `${id} 127.0.0.1:${port}@${busPort} ${flags} ${masterId ?? '-'} 0 0 ${epoch} connected${slots}`;
    });
    const vars = `vars currentEpoch ${MASTERS} lastVoteEpoch 0`;
    await writeFile(join(node.directory, 'nodes.conf'), `${lines.join('\n')}\n${vars}\n`);
  }

  private async launch(node: Node): Promise<void> {
    node.service = await startService({
      command: await findRedisServer(),
      argv0: 'redis-server',
      args: ['-'],
      input: [
        'bind 127.0.0.1',
        `port ${node.port}`,
        `dir ${node.directory}`,
        `requirepass ${this.password}`,
        `masterauth ${this.password}`,
        'cluster-enabled yes',
        'cluster-config-file nodes.conf',
        `cluster-port ${node.busPort}`,
        `cluster-announce-ip 127.0.0.1`,
        `cluster-announce-port ${node.announcedPort}`,
        `cluster-node-timeout ${this.nodeTimeoutMs}`,
        'maxmemory-policy noeviction',
        'appendonly no',
        'save ""',
        '',
      ].join('\n'),
      stopSignal: 'SIGTERM',
      graceMs: 5000,
    });
  }
}
