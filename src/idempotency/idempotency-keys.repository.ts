import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThanOrEqual, QueryFailedError, Repository } from 'typeorm';
import { Env } from '../config/env.js';
import { IdempotencyKey } from './idempotency-key.entity.js';
import type { IdempotencyClaim } from './idempotent-request.js';

const UNIQUE_VIOLATION = '23505';

/** Every query begins with the owner: another person's key is no key. Old ones are deleted by src/retention. */
@Injectable()
export class IdempotencyKeysRepository {
  constructor(
    private readonly env: Env,
    @InjectRepository(IdempotencyKey) private readonly keys: Repository<IdempotencyKey>,
  ) {}

  /** The request that used this key, null when there is none or it is too long ago. Such a key is free from here on. */
  async find(userId: string, key: string): Promise<IdempotencyKey | null> {
    const kept = await this.keys.findOneBy({ userId, key });
    if (kept === null || kept.createdAt > this.horizon()) return kept;
    await this.keys.delete({ userId, key, createdAt: LessThanOrEqual(this.horizon()) });
    return null;
  }

  /** @throws an error for which `isTaken` holds, when a twin was faster */
  async keep(userId: string, { key, requestHash }: IdempotencyClaim, outcome: object): Promise<void> {
    await this.keys.insert({ userId, key, requestHash, outcome });
  }

  /** Whether a statement failed, whole, because it also stores a key that is there already. */
  isTaken(error: unknown): boolean {
    if (!(error instanceof QueryFailedError)) return false;
    const { code, constraint } = error.driverError as { code?: string; constraint?: string };
    return code === UNIQUE_VIOLATION && constraint === 'idempotency_keys_pkey';
  }

  private horizon(): Date {
    return new Date(Date.now() - this.env.IDEMPOTENCY_TTL_SECONDS * 1000);
  }
}
