import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import { REDIS } from '../redis/redis.module.js';
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
    @Inject(REDIS) private readonly redis: Redis,
    private readonly passwords: Passwords,
  ) {}

  /** Answers alike whether the number has an account or not; one that has keeps its password. */
  async add(mobile: string, password: string | null, client: string): Promise<SignupResponse> {
    const passwordHash = password === null ? '' : await this.passwords.hash(password);
    const ttlMs = this.env.SIGNUP_TTL_SECONDS * 1000;
    await this.redis
      .multi()
      .del(keys.signup(mobile))
      .hset(keys.signup(mobile), { passwordHash, client })
      .pexpire(keys.signup(mobile), ttlMs)
      .exec();
    return { mobile, expiresAt: new Date(Date.now() + ttlMs) };
  }

  /** Ends the sign-up of a number that was just proven; returns the password hash that it may start with. */
  async take(mobile: string, client: string): Promise<string | null> {
    const [read] =
      (await this.redis.multi().hgetall(keys.signup(mobile)).del(keys.signup(mobile)).exec()) ?? [];
    const [error, found] = (read ?? [null, {}]) as [
      Error | null,
      Partial<Record<'passwordHash' | 'client', string>>,
    ];
    if (error) throw error;
    return found.client === client && found.passwordHash ? found.passwordHash : null;
  }
}
