import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { takeOne } from '../redis/sliding-window.js';
import { retryIn } from './retry-in.js';

/** What bounds guessing from one address, at whatever numbers. Those at one number are counted with its code. */
@Injectable()
export class GuessLimits {
  constructor(
    private readonly env: Env,
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  /** @throws AppError OTP_GUESS_LIMIT_REACHED with the seconds to wait */
  async take(address: string, guessId: string): Promise<void> {
    const key = keys.otpGuessesFrom(address);
    const wait = await takeOne(this.redis, key, guessId, this.env.OTP_GUESSES_PER_ADDRESS);
    if (wait > 0) throw guessLimitError('Too many codes were tried from your network.', wait);
  }

  /** Who was right has not guessed: behind one address there may be thousands of people. */
  async giveBack(address: string, guessId: string): Promise<void> {
    await this.redis.zrem(keys.otpGuessesFrom(address), guessId);
  }
}

export function guessLimitError(what: string, waitMs: number): AppError {
  const { inWords, retryAfterSeconds } = retryIn(waitMs);
  return new AppError('OTP_GUESS_LIMIT_REACHED', {
    detail: `${what} Try again in ${inWords}.`,
    retryAfterSeconds,
  });
}

export function lockedError(waitMs: number): AppError {
  const { inWords, retryAfterSeconds } = retryIn(waitMs);
  return new AppError('OTP_LOCKED', {
    detail: `Ask for a new code in ${inWords}; entering it correctly ends the locks.`,
    retryAfterSeconds,
  });
}
