import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis as startUntracked } from './redis.js';
import type { PrivateRedis, RedisOptions } from './redis.js';

const root = mkdtempSync(join(tmpdir(), 'redis-spec-'));

const started: PrivateRedis[] = [];

async function startRedis(options: RedisOptions): Promise<PrivateRedis> {
  const redis = await startUntracked(options);
  started.push(redis);
  return redis;
}

afterAll(async () => {
  await Promise.all(started.map((redis) => redis.stop()));
  rmSync(root, { recursive: true, force: true });
});

async function withClient<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, {
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    client.disconnect();
  }
}

describe('a private Redis', () => {
  it('answers at its address, evicts nothing, and is gone after stop', async () => {
    const redis = await startRedis({ persistent: false });
    await expect(withClient(redis.url, (client) => client.ping())).resolves.toBe('PONG');
    await expect(
      withClient(redis.url, (client) => client.config('GET', 'maxmemory-policy')),
    ).resolves.toEqual(['maxmemory-policy', 'noeviction']);
    await redis.stop();
    await redis.stop();
    await expect(withClient(redis.url, (client) => client.ping())).rejects.toThrow();
  });

  it('is closed to who does not know the password', async () => {
    const redis = await startRedis({ persistent: false });
    const open = `redis://127.0.0.1:${redis.port}`;
    await expect(withClient(open, (client) => client.get('key'))).rejects.toThrow(/NOAUTH/);
    await redis.stop();
  });

  it('has what was written before kill -9 when it is persistent', async () => {
    const dataDir = join(root, 'kept');
    const first = await startRedis({ dataDir, persistent: true });
    await withClient(first.url, (client) => client.set('key', 'value'));
    process.kill(first.pid, 'SIGKILL');
    await expect(first.exited).resolves.toBe('SIGKILL');
    await first.stop();

    const second = await startRedis({ dataDir, persistent: true });
    await expect(withClient(second.url, (client) => client.get('key'))).resolves.toBe('value');
    await second.stop();
  });

  it('refuses a data directory that a live run uses', async () => {
    const dataDir = join(root, 'shared');
    const first = await startRedis({ dataDir, persistent: true });
    await expect(startRedis({ dataDir, persistent: true })).rejects.toThrow(/in use by another run/);
    await first.stop();
  });

  it('says that the port it was told to use is taken', async () => {
    const first = await startRedis({ persistent: false });
    await expect(startRedis({ persistent: false, port: first.port })).rejects.toThrow(
      `port ${first.port} is taken`,
    );
    await first.stop();
  });
});
