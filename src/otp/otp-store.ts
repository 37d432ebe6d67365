import { Inject, Injectable } from '@nestjs/common';
import { type OtpUse, scopeOf } from '../common/otp-purpose.js';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { RedisScript } from '../redis/redis-script.js';
import { rateArguments, TAKE } from '../redis/sliding-window.js';

/** How long failures in a row at a number are remembered, when no other follows. */
const FAILURES_KEPT_MS = 30 * 86_400_000;

export interface StoredOtp extends OtpUse {
  id: string;
  mac: string;
  expiresAt: Date;
}

/** What became of a guess. `limited` and `locked` come with the ms to wait. */
export type GuessOutcome = 'ok' | 'invalid' | 'exhausted' | 'limited' | 'locked';

const REPLACE = new RedisScript<number>(`
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'mac', ARGV[1], 'id', ARGV[2], 'expiresAt', ARGV[3], 'guesses', 0)
return redis.call('PEXPIREAT', KEYS[1], ARGV[3])`);

/**
 * Counts the guess - at the code and at the number -, then compares, then uses the code up: in one step, so parallel
 * guesses are counted exactly and one code lets one request in. What is not compared is not counted.
 */
const CONSUME = new RedisScript<[GuessOutcome, number]>(`${TAKE}
local code, failures, guesses, pause = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local mac, now, id, guessesMax = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local lockAfter, lockBase, lockMax, kept = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local rates = {}
for i = 9, #ARGV do rates[i - 8] = ARGV[i] end

local locked = tonumber(redis.call('HGET', failures, 'lockedUntil') or '0') - now
if locked > 0 then return {'locked', locked} end
local stored = redis.call('HMGET', code, 'mac', 'expiresAt', 'guesses')
if not stored[1] or tonumber(stored[2]) <= now then return {'invalid', 0} end
if tonumber(stored[3]) >= guessesMax then return {'exhausted', 0} end
local wait = take(guesses, now, id, rates)
if wait > 0 then return {'limited', wait} end
redis.call('HINCRBY', code, 'guesses', 1)
if stored[1] ~= mac then
  local inARow = redis.call('HINCRBY', failures, 'count', 1)
  if inARow >= lockAfter then
    local lock = math.min(lockMax, lockBase * 2 ^ math.min(inARow - lockAfter, 40))
    redis.call('HSET', failures, 'lockedUntil', now + lock)
  end
  redis.call('PEXPIRE', failures, kept)
  return {'invalid', 0}
end
redis.call('DEL', code, failures, pause)
redis.call('ZREM', guesses, id)
return {'ok', 0}`);

/** The one live code for each use, as a keyed MAC. */
@Injectable()
export class OtpStore {
  constructor(
    private readonly env: Env,
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  /** Puts a code in the place of the one before it. */
  async replace({ id, mac, expiresAt, ...use }: StoredOtp): Promise<void> {
    await REPLACE.run(this.redis, [keyOf(use)], [mac, id, expiresAt.getTime()]);
  }

  /** From here on these codes are good for nothing. All are of one number. */
  async remove(uses: readonly OtpUse[]): Promise<void> {
    await this.redis.del(uses.map((use) => keyOf(use)));
  }

  /**
   * When this very code expires; null when it was used, replaced, or has expired - or is another, because the server's
   * key was changed since.
   */
  async findExpiry({ id, mac, ...use }: Omit<StoredOtp, 'expiresAt'>): Promise<Date | null> {
    const [liveId, liveMac, expiresAt] = await this.redis.hmget(keyOf(use), 'id', 'mac', 'expiresAt');
    const isLive = liveId === id && liveMac === mac && Number(expiresAt) > Date.now();
    return isLive ? new Date(Number(expiresAt)) : null;
  }

  async consume(use: OtpUse, mac: string, guessId: string): Promise<[GuessOutcome, number]> {
    const { mobile } = use;
    return CONSUME.run(
      this.redis,
      [keyOf(use), keys.otpFailures(mobile), keys.otpGuesses(mobile), keys.otpPause(mobile)],
      [
        mac,
        Date.now(),
        guessId,
        this.env.OTP_MAX_GUESSES,
        this.env.OTP_LOCK_AFTER_FAILURES,
        this.env.OTP_LOCK_BASE_SECONDS * 1000,
        this.env.OTP_LOCK_MAX_SECONDS * 1000,
        FAILURES_KEPT_MS,
        ...rateArguments(this.env.OTP_GUESSES_PER_NUMBER),
      ],
    );
  }
}

const keyOf = (use: OtpUse): string => keys.otp(scopeOf(use), use.mobile);
