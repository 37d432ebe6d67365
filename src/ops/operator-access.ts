import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RedisClient } from '../redis/redis-client.js';
import { addressBlock } from '../common/address-block.js';
import { AppError } from '../common/app-error.js';
import { Rate } from '../config/env/rate.js';
import type { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import { takeOne } from '../redis/sliding-window.js';
import { BasicCredentials } from './basic-credentials.js';

/** Wrong passwords from one address; of IPv6, from one /64. A page asks for a dozen things at once, which count until they are compared. */
const GUESSES = Rate.listOf('30/15m');

/** Lets operators in, and nobody who guesses: by the user and password of the settings, which are no account. */
export class OperatorAccess {
  private readonly logger = new Logger('OperatorAccess');
  private readonly credentials: BasicCredentials;

  constructor(
    { ADMIN_USER, ADMIN_PASSWORD }: Env,
    private readonly redis: RedisClient,
  ) {
    this.credentials = new BasicCredentials(ADMIN_USER, ADMIN_PASSWORD);
  }

  /** @throws AppError UNAUTHENTICATED, TOO_MANY_REQUESTS with the seconds to wait */
  async check({ headers: { authorization }, ip }: FastifyRequest, reply: FastifyReply): Promise<void> {
    void reply.header('www-authenticate', 'Basic realm="Operators", charset="UTF-8"');
    // A browser asks without, and then its person.
    if (authorization === undefined) throw new AppError('UNAUTHENTICATED');
    await this.guard(ip, () => this.credentials.areIn(authorization));
    void reply.removeHeader('www-authenticate');
  }

  /** Counts, then compares: guesses made at once are counted exactly. A right one is given back. */
  private async guard(ip: string, isRight: () => boolean): Promise<void> {
    const [key, id] = [keys.operatorGuessesFrom(addressBlock(ip)), randomUUID()];
    const waitMs = await takeOne(this.redis, key, id, GUESSES);
    if (waitMs > 0) {
      throw new AppError('TOO_MANY_REQUESTS', { retryAfterSeconds: Math.ceil(waitMs / 1000) });
    }
    if (!isRight()) {
      this.logger.warn({ ip }, 'Somebody tried a wrong user or password of operators');
      throw new AppError('UNAUTHENTICATED');
    }
    await this.redis.zrem(key, id);
  }
}
