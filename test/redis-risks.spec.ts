import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { findRedisRisks } from '../src/redis/redis-risks.js';
import type { LogLine } from './support/app-process.js';
import { OwnRedis } from './support/own-redis.js';
import { startTestApp } from './support/test-app.js';
import { until } from './support/until.js';

const EVICTS = expect.stringMatching(/may evict .* Set maxmemory-policy noeviction$/);
const FORGETS = expect.stringMatching(/keeps nothing on disk: .* Set appendonly yes$/);

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'redis-risks-'));
});
afterAll(() => rm(directory, { recursive: true }));

const NO_SNAPSHOTS = ['--save', ''];
const AOF = ['--appendonly', 'yes', ...NO_SNAPSHOTS];
const LIMITED = ['--maxmemory', '100mb', '--maxmemory-policy'];
/** As managed ones have it. */
const NO_CONFIG = ['--rename-command', 'CONFIG', ''];

it.each([
  ['one that evicts', [...AOF, ...LIMITED, 'allkeys-lru'], [EVICTS]],
  ['one that evicts what has an end', [...AOF, ...LIMITED, 'volatile-ttl'], [EVICTS]],
  ['one that is full and refuses', [...AOF, ...LIMITED, 'noeviction'], []],
  ['one that would evict, and has no limit', [...AOF, '--maxmemory-policy', 'allkeys-lru'], []],
  ['one that keeps nothing on disk', NO_SNAPSHOTS, [FORGETS]],
  ['one that writes snapshots', ['--save', '300 1'], []],
  ['one that does both', [...NO_SNAPSHOTS, ...LIMITED, 'allkeys-lfu'], [EVICTS, FORGETS]],
  ['one that does not say how it persists', [...NO_SNAPSHOTS, ...NO_CONFIG], []],
  ['one that evicts, and may not be asked', [...NO_CONFIG, ...LIMITED, 'volatile-lru'], [EVICTS]],
])('%s', async (_what, settings, risks) => {
  const server = await OwnRedis.start(['--dir', directory, ...settings]);
  const redis = new Redis(server.url);
  try {
    expect(await findRedisRisks(redis)).toEqual(risks);
  } finally {
    redis.disconnect();
    await server.kill();
  }
});

describe.each(['api', 'worker'])('a process of role %s', (PROCESS_ROLE) => {
  it('warns once when it starts', async () => {
    const server = await OwnRedis.start([...NO_SNAPSHOTS, ...LIMITED, 'allkeys-lru']);
    const app = await startTestApp({ PROCESS_ROLE, REDIS_URL: server.url, REDIS_CLUSTER: 'false' });
    const warned = (): LogLine[] =>
      app.process.logs.filter(({ level, context }) => level === 'warn' && context === 'Redis');
    try {
      await until('it warns', () => warned().length === 2);
      expect(warned().map(({ msg }) => msg)).toEqual([EVICTS, FORGETS]);
    } finally {
      await app.stop();
      await server.kill();
    }
  });
});
