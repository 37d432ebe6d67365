import { Inject, Injectable } from '@nestjs/common';
import { addressBlock } from '../common/address-block.js';
import { AppError } from '../common/app-error.js';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { RedisScript } from '../redis/redis-script.js';

/**
 * Counts a guess at an account before it is compared. The last one allowed locks in the same step, and so does each
 * after a lock, for twice as long as before. Returns 0, or the ms that the lock still lasts.
 */
const COUNT = new RedisScript<number>(`
local now, forget, max = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local first, longest = tonumber(ARGV[4]), tonumber(ARGV[5])
local lockedUntil = tonumber(redis.call('HGET', KEYS[1], 'lockedUntil') or '0')
if lockedUntil > now then return lockedUntil - now end
local guesses = redis.call('HINCRBY', KEYS[1], 'guesses', 1)
redis.call('PEXPIRE', KEYS[1], forget)
if guesses >= max then
  local lock = math.min(first * 2 ^ math.min(guesses - max, 30), longest)
  redis.call('HSET', KEYS[1], 'lockedUntil', string.format('%.0f', now + lock))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', lock + forget))
end
return 0`);

/** Takes back a guess that was not compared, with the lock that it made if it was the last one. */
const UNCOUNT = new RedisScript<number>(`
local guesses = tonumber(redis.call('HGET', KEYS[1], 'guesses') or '0')
if guesses == 0 then return 0 end
if guesses >= tonumber(ARGV[1]) then redis.call('HDEL', KEYS[1], 'lockedUntil') end
return redis.call('HINCRBY', KEYS[1], 'guesses', -1)`);

/** As COUNT, from an address: so many in a window, then none until it ends. */
const COUNT_IP = new RedisScript<number>(`
local guesses = tonumber(redis.call('GET', KEYS[1]) or '0')
if guesses >= tonumber(ARGV[2]) then return redis.call('PTTL', KEYS[1]) end
if redis.call('INCR', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 0`);

const UNCOUNT_IP = new RedisScript<number>(`
if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then return redis.call('DECR', KEYS[1]) end
return 0`);

/** Wrong passwords of a number count as in a row until this long after the last one: who guesses slowly locks it, too. */
const FORGET_MS = 86_400_000;

/** How many wrong passwords are listened to: for a number, whether it has an account or not, and from an address. */
@Injectable()
export class PasswordGuesses {
  constructor(
    private readonly env: Env,
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  /**
   * Counts, then compares. A right password forgets the number's guesses; a comparison that fails by itself (an outage,
   * too many of them) counts for nothing. While locked nothing is compared: a right one is refused like a wrong one.
   *
   * @param ip null where an access token stands for the person already: such guesses are counted by themselves
   * @param compare returns what a right password gives, null for a wrong one
   * @throws AppError PASSWORD_GUESSES_EXHAUSTED with the seconds to wait
   */
  async guarded<T>(mobile: string, ip: string | null, compare: () => Promise<T | null>): Promise<T | null> {
    if (ip !== null) await this.countIp(ip);
    // Strangers must not be able to keep the owner from changing the password.
    const key = ip === null ? keys.passwordChangeGuesses(mobile) : keys.passwordGuesses(mobile);
    let wrong = false;
    try {
      await this.count(key);
      const given = await this.compared(key, compare);
      if (given !== null) await this.forget(mobile);
      wrong = given === null;
      return given;
    } finally {
      // An address keeps what it guessed wrong, however often it is right beside that.
      if (ip !== null && !wrong) await this.uncountIp(ip);
    }
  }

  private async compared<T>(key: string, compare: () => Promise<T | null>): Promise<T | null> {
    try {
      return await compare();
    } catch (error) {
      await this.uncount(key);
      throw error;
    }
  }

  /** For who has proven to own the number in another way, and has a new password. */
  async forget(mobile: string): Promise<void> {
    await this.redis.del(keys.passwordGuesses(mobile), keys.passwordChangeGuesses(mobile));
  }

  private async count(key: string): Promise<void> {
    const { env } = this;
    const wait = await COUNT.run(
      this.redis,
      [key],
      [
        Date.now(),
        FORGET_MS,
        env.PASSWORD_MAX_GUESSES,
        env.PASSWORD_LOCK_SECONDS * 1000,
        env.PASSWORD_LOCK_MAX_SECONDS * 1000,
      ],
    );
    if (wait > 0) throw exhausted(wait);
  }

  private async uncount(key: string): Promise<void> {
    await UNCOUNT.run(this.redis, [key], [this.env.PASSWORD_MAX_GUESSES]);
  }

  private async countIp(ip: string): Promise<void> {
    const wait = await COUNT_IP.run(
      this.redis,
      [keys.passwordGuessesFrom(addressBlock(ip))],
      [this.env.PASSWORD_GUESS_WINDOW_SECONDS * 1000, this.env.PASSWORD_MAX_GUESSES_PER_IP],
    );
    if (wait > 0) throw exhausted(wait);
  }

  private async uncountIp(ip: string): Promise<void> {
    await UNCOUNT_IP.run(this.redis, [keys.passwordGuessesFrom(addressBlock(ip))], []);
  }
}

function exhausted(waitMs: number): AppError {
  const seconds = Math.ceil(waitMs / 1000);
  return new AppError('PASSWORD_GUESSES_EXHAUSTED', {
    detail: `Try again in ${seconds} seconds, or sign in with a code.`,
    retryAfterSeconds: seconds,
  });
}
