import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { addressBlock } from '../common/address-block.js';
import { AppError } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { takeOne } from '../redis/sliding-window.js';
import { retryIn } from '../otp/retry-in.js';
import { Passwords } from '../passwords/passwords.js';
import { SignupResponse } from './dto/signup.response.js';

/**
 * Sign-ups whose number is not proven yet. They are no accounts, so nobody can occupy a number; and the password that
 * was chosen counts only when the code is entered by the same client (address and user agent), so that it is hard to
 * plant one in the account that somebody else opens later. A client that looks different by then starts without one.
 */
@Injectable()
export class PendingSignups {
  constructor(
    private readonly env: Env,
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly passwords: Passwords,
  ) {}

  /**
   * Answers alike whether the number has an account or not; one that has keeps its password.
   *
   * @throws AppError TOO_MANY_REQUESTS with the seconds to wait, PASSWORDS_BUSY
   */
  async add(mobile: string, password: string | null, client: Client): Promise<SignupResponse> {
    const passwordHash = password === null ? '' : await this.hash(password, client);
    const ttlMs = this.env.SIGNUP_TTL_SECONDS * 1000;
    await this.redis
      .multi()
      .del(keys.signup(mobile))
      .hset(keys.signup(mobile), { passwordHash, client: client.fingerprint })
      .pexpire(keys.signup(mobile), ttlMs)
      .exec();
    return { mobile, expiresAt: new Date(Date.now() + ttlMs) };
  }

  /** The password hash that the account of a number that was just proven may start with. */
  async findPasswordHash(mobile: string, client: Client): Promise<string | null> {
    const [passwordHash, by] = await this.redis.hmget(keys.signup(mobile), 'passwordHash', 'client');
    return by === client.fingerprint && passwordHash ? passwordHash : null;
  }

  /** Once its account stands, or the owner of the number has given it up. */
  async end(mobile: string): Promise<void> {
    await this.redis.del(keys.signup(mobile));
  }

  private async hash(password: string, { ip }: Client): Promise<string> {
    this.passwords.assertNotBusy();
    const key = keys.signupsFrom(addressBlock(ip));
    const wait = await takeOne(this.redis, key, randomUUID(), this.env.SIGNUPS_PER_ADDRESS);
    if (wait > 0) {
      const { inWords, retryAfterSeconds } = retryIn(wait);
      throw new AppError('TOO_MANY_REQUESTS', {
        detail: `Too many sign-ups from your network. Try again in ${inWords}.`,
        retryAfterSeconds,
      });
    }
    return this.passwords.hash(password);
  }
}
