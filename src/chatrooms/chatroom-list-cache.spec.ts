import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { type PrivateRedis, startRedis } from '../../local/services/redis.js';
import { COMMAND_CLIENT_OPTIONS } from '../redis/redis.module.js';
import { ChatroomListCache } from './chatroom-list-cache.js';

let server: PrivateRedis;
let redis: Redis;
let cache: ChatroomListCache;
/** What the database has. */
let stored: number;

beforeAll(async () => {
  Logger.overrideLogger(false);
  server = await startRedis({ persistent: false });
  redis = new Redis(server.url, { ...COMMAND_CLIENT_OPTIONS, commandTimeout: 500 });
  redis.on('error', () => undefined);
  cache = new ChatroomListCache(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  stored = 1;
});

const read = (page = 'a') => cache.page('ada', page, () => Promise.resolve({ stored }));

async function write(): Promise<void> {
  stored += 1;
  await cache.invalidate('ada');
}

it('a page is read from the database once, until the person writes', async () => {
  expect(await read()).toBe('{"stored":1}');
  stored = 2;
  expect(await read()).toBe('{"stored":1}');
  expect(await read('b')).toBe('{"stored":2}');
  await write();
  expect(await read()).toBe('{"stored":3}');
});

it.each(['with', 'without'])(
  'what was read before a write is not kept after it, %s other pages in the cache',
  async (others) => {
    if (others === 'with') await read('b');
    const old = await cache.page('ada', 'a', async () => {
      const seen = { stored };
      await write();
      // Somebody else reads the new list in between.
      expect(await read('b')).toBe('{"stored":2}');
      return seen;
    });
    expect(old).toBe('{"stored":1}');
    expect(await read()).toBe('{"stored":2}');
  },
);

it('without Redis every list comes from the database, and a write succeeds', async () => {
  await read();
  await server.stop();
  stored = 2;
  expect(await read()).toBe('{"stored":2}');
  await write();
  expect(await read()).toBe('{"stored":3}');
});
