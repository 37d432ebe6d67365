import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { isConnectionFailure } from '../common/connection-failure.js';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import { REDIS } from '../redis/redis.module.js';
import { UsersRepository } from '../users/users.repository.js';

/** Longer than a request that reads or raises a version can take; seconds. */
const RISE_SECONDS = 120;

/** In the place of a version: it may be rising, only Postgres knows. */
const RISING = '';

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
    if (cached !== null && cached !== RISING) return Number(cached);
    const version = await this.users.findTokenVersion(userId);
    // NX: what was read here may be old by now when somebody is raising it.
    if (version !== null) await this.write(userId, version);
    return version;
  }

  /**
   * To be called before the version is raised in Postgres. Until well after that nothing is copied: so there is no
   * moment, and no crash, after which a copy of the old version lets ended tokens in. Throws when Redis cannot be
   * reached, while nothing has changed yet.
   */
  async aboutToRise(userId: string): Promise<void> {
    await this.redis.set(keys.tokenVersion(userId), RISING, 'EX', RISE_SECONDS);
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

  private async write(userId: string, version: number): Promise<void> {
    try {
      await this.redis.set(keys.tokenVersion(userId), version, 'EX', this.env.JWT_TTL_SECONDS, 'NX');
    } catch (error) {
      if (!isConnectionFailure(error)) throw error;
    }
  }
}
