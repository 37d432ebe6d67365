import { describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { LiveSessions } from './live-sessions.js';
import type { SessionsRepository } from './sessions.repository.js';

const [USER, SESSION] = ['a-user', 'a-session'];
const KEY = `session:{${USER}}:${SESSION}`;

/** As much of Redis as is used; `down` makes every command fail as ioredis does without a server. */
class FakeRedis {
  readonly data = new Map<string, string>();
  down = false;
  readonly commands: string[] = [];

  private say<T>(command: string, answer: () => T): Promise<T> {
    this.commands.push(command);
    return this.down
      ? Promise.reject(new Error('Reached the max retries per request limit'))
      : Promise.resolve(answer());
  }
  get = (key: string) => this.say('get', () => this.data.get(key) ?? null);
  set = (key: string, value: string) =>
    this.say('set', () => (this.data.has(key) ? null : (this.data.set(key, value), 'OK')));
  del = (keys: string[]) => this.say('del', () => keys.filter((key) => this.data.delete(key)).length);
  evalsha = (_sha: string, _n: number, key: string, lease: string, live: string) =>
    this.say('copy', () => (this.data.get(key) === lease ? (this.data.set(key, live), 1) : 0));
}

/** @param onRead what happens in Postgres while it is asked; returns the time left, ms */
function aServer(onRead: (redis: FakeRedis, locked: boolean) => number | Promise<number>) {
  const redis = new FakeRedis();
  const reads: boolean[] = [];
  const sessions = {
    findTimeLeft: async (_user: string, _id: string, { waitForEnd = false } = {}) => {
      reads.push(waitForEnd);
      return onRead(redis, waitForEnd);
    },
  } as unknown as SessionsRepository;
  const live = new LiveSessions(redis as unknown as Redis, sessions);
  return { redis, reads, live, ask: () => live.isLive(USER, SESSION) };
}

describe('whether a session is live', () => {
  it('is asked of Postgres once, then of Redis, with one command', async () => {
    const { redis, reads, ask } = aServer(() => 1000);
    expect(await ask()).toBe(true);
    redis.commands.length = 0;
    for (let n = 0; n < 5; n += 1) expect(await ask()).toBe(true);
    expect(redis.commands).toEqual(['get', 'get', 'get', 'get', 'get']);
    expect(reads).toEqual([true]);
  });

  it.each([
    [1000, true],
    [0, false],
  ])('is known without Redis: %i ms left is %s', async (timeLeft, isLive) => {
    const { redis, ask } = aServer(() => timeLeft);
    redis.down = true;
    for (let n = 0; n < 3; n += 1) expect(await ask()).toBe(isLive);
  });

  it('is not copied when it is not', async () => {
    const { redis, ask } = aServer(() => 0);
    for (let n = 0; n < 3; n += 1) expect(await ask()).toBe(false);
    expect(redis.data.get(KEY)).not.toBe('live');
  });

  it('is an error when Redis refuses what is asked', async () => {
    const { redis, ask } = aServer(() => 1000);
    redis.get = () => Promise.reject(new Error('WRONGTYPE'));
    await expect(ask()).rejects.toThrow('WRONGTYPE');
  });

  it.each<[string, (redis: FakeRedis, live: LiveSessions) => unknown]>([
    ['ends', (_redis, live) => live.forget(USER, [SESSION])],
    [
      'is wiped out of Redis',
      (redis) => {
        redis.data.clear();
      },
    ],
    ['is asked by somebody else after a wipe', (redis) => redis.data.set(KEY, 'their lease')],
    ['loses its Redis', (redis) => (redis.down = true)],
  ])('is not copied by who read it before it %s', async (_what, meanwhile) => {
    const server = aServer(async (redis) => {
      await meanwhile(redis, server.live);
      return 1000;
    });
    await server.ask();
    expect(server.redis.data.get(KEY)).not.toBe('live');
  });

  it('is read without a lock, and not copied, while somebody else is about to copy it', async () => {
    const { redis, reads, ask } = aServer(() => 1000);
    redis.data.set(KEY, 'their lease');
    expect(await ask()).toBe(true);
    expect(reads).toEqual([false]);
    expect(redis.data.get(KEY)).toBe('their lease');
  });
});

it('a session cannot end while its copy cannot be taken away', async () => {
  const { redis, live } = aServer(() => 1000);
  redis.down = true;
  await expect(live.forget(USER, [SESSION])).rejects.toThrow();
  // Nothing to take away is no reason to ask.
  await live.forget(USER, []);
});
