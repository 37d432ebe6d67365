import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import { REDIS } from '../redis/redis.module.js';
import { SignupResponse } from './dto/signup.response.js';
import { Passwords } from './passwords.js';

/**
 * Sign-ups whose number is not proven yet. They are no accounts: nobody can occupy a number, or plant a password in
 * the account that its owner opens later, because the password counts only when the code is entered from the address
 * that chose it.
 */
@Injectable()
export class PendingSignups {
  constructor(
    private readonly env: Env,
    @Inject(REDIS) private readonly redis: Redis,
    private readonly passwords: Passwords,
  ) {}

  /** Answers alike whether the number has an account or not; one that has keeps its password. */
  async add(mobile: string, password: string | null, ip: string): Promise<SignupResponse> {
    const passwordHash = password === null ? '' : await this.passwords.hash(password);
    const ttlMs = this.env.SIGNUP_TTL_SECONDS * 1000;
    await this.redis
      .multi()
      .del(keys.signup(mobile))
      .hset(keys.signup(mobile), { passwordHash, ip })
      .pexpire(keys.signup(mobile), ttlMs)
      .exec();
    return { mobile, expiresAt: new Date(Date.now() + ttlMs) };
  }

  /** Ends the sign-up of a number that was just proven; returns the password hash that it may start with. */
  async take(mobile: string, ip: string): Promise<string | null> {
    const [read] =
      (await this.redis.multi().hgetall(keys.signup(mobile)).del(keys.signup(mobile)).exec()) ?? [];
    const [error, found] = (read ?? [null, {}]) as [
      Error | null,
      Partial<Record<'passwordHash' | 'ip', string>>,
    ];
    if (error) throw error;
    return found.ip === ip && found.passwordHash ? found.passwordHash : null;
  }
}
