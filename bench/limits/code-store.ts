import type { Redis } from 'ioredis';
import { RedisScript } from '../../src/redis/redis-script.js';
import { TAKE } from '../../src/redis/sliding-window.js';
import { COUNT, LIMIT, MINUTE_MS } from './decisions.js';

const RATE = `{100000, 86400000}`;

/** What an address may ask for in a minute, and in a window of its own. KEYS: both. ARGV: now, id. */
const ADDRESS = new RedisScript<number>(`${COUNT}
${TAKE}
if count(KEYS[1], ${MINUTE_MS}) > ${LIMIT} then return 1 end
return take(KEYS[2], tonumber(ARGV[1]), ARGV[2], ${RATE})`);

const COUNT_ADDRESS = new RedisScript<number>(`${COUNT}
return count(KEYS[1], ${MINUTE_MS})`);

/** KEYS: lock, pause, sends and code of a number. ARGV: now, id, mac, expiry. */
const PUT = new RedisScript<number>(`${TAKE}
if tonumber(redis.call('HGET', KEYS[1], 'lockedUntil') or '0') > tonumber(ARGV[1]) then return 1 end
if redis.call('PTTL', KEYS[2]) > 0 then return 1 end
local wait = take(KEYS[3], tonumber(ARGV[1]), ARGV[2], ${RATE})
if wait > 0 then return wait end
redis.call('SET', KEYS[2], ARGV[2], 'PX', 60000)
redis.call('DEL', KEYS[4])
redis.call('HSET', KEYS[4], 'mac', ARGV[3], 'id', ARGV[2], 'expiresAt', ARGV[4], 'guesses', 0)
redis.call('PEXPIREAT', KEYS[4], ARGV[4])
return 0`);

const TAKE_ONE = new RedisScript<number>(`${TAKE}
return take(KEYS[1], tonumber(ARGV[1]), ARGV[2], ${RATE})`);

/** KEYS: lock, guesses, code, pause and sign-up of a number. ARGV: now, guess, mac. */
const CONSUME = new RedisScript<number>(`${TAKE}
if tonumber(redis.call('HGET', KEYS[1], 'lockedUntil') or '0') > tonumber(ARGV[1]) then return 0 end
local stored = redis.call('HMGET', KEYS[3], 'mac', 'expiresAt', 'guesses')
if not stored[1] or tonumber(stored[2]) <= tonumber(ARGV[1]) or tonumber(stored[3]) >= 5 then return 0 end
if take(KEYS[2], tonumber(ARGV[1]), ARGV[2], ${RATE}) > 0 then return 0 end
redis.call('HINCRBY', KEYS[3], 'guesses', 1)
if stored[1] ~= ARGV[3] then return 0 end
redis.call('HMGET', KEYS[5], 'passwordHash', 'client')
redis.call('DEL', KEYS[1], KEYS[3], KEYS[4])
redis.call('ZREM', KEYS[2], ARGV[2])
return 1`);

/** The codes of numbers and all that bounds them, one round trip for each slot that a request touches. */
export class CodeStore {
  constructor(private readonly redis: Redis) {}

  async letIn(ip: string): Promise<boolean> {
    return (await COUNT_ADDRESS.run(this.redis, [`limit:requests:{${ip}}`], [])) <= LIMIT;
  }

  async letSend(ip: string, id: string): Promise<boolean> {
    return (await ADDRESS.run(this.redis, keysOf('sends', ip), [Date.now(), id])) === 0;
  }

  async letGuess(ip: string, guess: string): Promise<boolean> {
    return (await ADDRESS.run(this.redis, keysOf('guesses', ip), [Date.now(), guess])) === 0;
  }

  async giveBackGuess(ip: string, guess: string): Promise<void> {
    await this.redis.zrem(`limit:guesses:{${ip}}`, guess);
  }

  async announce(mobile: string, ms: number): Promise<void> {
    const key = `limit:signup:{${mobile}}`;
    await this.redis.multi().del(key).hset(key, { passwordHash: '', client: 'x' }).pexpire(key, ms).exec();
  }

  /** Then what all numbers like it share, each in a slot of its own. */
  async put(mobile: string, id: string, mac: string, expiresAt: number): Promise<boolean> {
    const keys = ['locked', 'pause', 'sent', 'code'].map((name) => `limit:${name}:{${mobile}}`);
    if ((await PUT.run(this.redis, keys, [Date.now(), id, mac, expiresAt])) > 0) return false;
    const shared = [
      `limit:prefix:${mobile.slice(0, -3)}`,
      `limit:dial-code:${mobile.slice(0, 3)}`,
      'limit:total',
    ];
    const waits = await Promise.all(shared.map((key) => TAKE_ONE.run(this.redis, [key], [Date.now(), id])));
    return waits.every((wait) => wait === 0);
  }

  async consume(mobile: string, mac: string, guess: string): Promise<boolean> {
    const keys = ['locked', 'guessed', 'code', 'pause', 'signup'].map((name) => `limit:${name}:{${mobile}}`);
    return (await CONSUME.run(this.redis, keys, [Date.now(), guess, mac])) === 1;
  }

  async end(mobile: string): Promise<void> {
    await this.redis.del(`limit:signup:{${mobile}}`);
  }
}

const keysOf = (window: string, ip: string): string[] => [
  `limit:requests:{${ip}}`,
  `limit:${window}:{${ip}}`,
];
