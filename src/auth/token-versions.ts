import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { isConnectionFailure } from '../common/connection-failure.js';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import { REDIS } from '../redis/redis.module.js';
import { UsersRepository } from '../users/users.repository.js';

/** Which access tokens of a person are still good, asked at every request: a copy in Redis of `users.token_version`. */
@Injectable()
export class TokenVersions {
  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly users: UsersRepository,
    private readonly env: Env,
  ) {}

  /** Null when there is no such account. */
  async current(userId: string): Promise<number | null> {
    const cached = await this.read(userId);
    if (cached !== null) return Number(cached);
    const version = await this.users.findTokenVersion(userId);
    // NX: whoever raised the version meanwhile wrote the newer one, which must stay.
    if (version !== null) await this.write(userId, version, 'NX');
    return version;
  }

  /** To be called after the version was raised in Postgres. */
  async raised(userId: string, version: number): Promise<void> {
    await this.redis.set(keys.tokenVersion(userId), version, 'EX', this.env.JWT_TTL_SECONDS);
  }

  /** Without Redis the answer is in Postgres; a dead cache signs nobody out. */
  private async read(userId: string): Promise<string | null> {
    try {
      return await this.redis.get(keys.tokenVersion(userId));
    } catch (error) {
      if (isConnectionFailure(error)) return null;
      throw error;
    }
  }

  private async write(userId: string, version: number, condition: 'NX'): Promise<void> {
    try {
      await this.redis.set(keys.tokenVersion(userId), version, 'EX', this.env.JWT_TTL_SECONDS, condition);
    } catch (error) {
      if (!isConnectionFailure(error)) throw error;
    }
  }
}
