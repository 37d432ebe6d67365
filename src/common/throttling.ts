import { ThrottlerStorageRedisService } from '@nest-lab/throttler-storage-redis';
import { applyDecorators, type ExecutionContext, Injectable } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import {
  SkipThrottle,
  ThrottlerGuard,
  type ThrottlerLimitDetail,
  type ThrottlerModuleOptions,
} from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import type { Env } from '../config/env.js';
import { addressBlock } from './address-block.js';
import { AppError } from './app-error.js';
import type { AuthenticatedRequest } from './current-user.js';
import type { RedisClient } from '../redis/redis-client.js';

const MINUTE_MS = 60_000;
/** Says so in the OpenAPI document while it is made; see openapi.ts. */
export const UNTHROTTLED = 'x-unthrottled';
const BY_IP = 'ip';
const BY_USER = 'user';

export function throttlingOptions(env: Env, redis: RedisClient): ThrottlerModuleOptions {
  return {
    throttlers: [
      { name: BY_IP, ttl: MINUTE_MS, limit: env.THROTTLE_IP_PER_MINUTE },
      { name: BY_USER, ttl: MINUTE_MS, limit: env.THROTTLE_USER_PER_MINUTE },
    ],
    // One budget for all routes together, not one for each.
    generateKey: (_context, tracker, name) => `throttle:${name}:${tracker}`,
    setHeaders: false,
    // It takes a cluster, too, by another signature.
    storage: new ThrottlerStorageRedisService(redis as Redis),
  };
}

/** For routes that machines call in bursts. */
export const SkipThrottling = (): MethodDecorator & ClassDecorator =>
  applyDecorators(SkipThrottle({ [BY_IP]: true, [BY_USER]: true }), ApiExtension(UNTHROTTLED, true));

/** Before authentication: bounds what one address can try. */
@Injectable()
export class IpThrottlerGuard extends ThrottlerGuard {
  override async onModuleInit(): Promise<void> {
    await super.onModuleInit();
    this.throttlers = this.throttlers.filter(({ name }) => name === BY_IP);
  }

  protected override getTracker(request: FastifyRequest): Promise<string> {
    return Promise.resolve(addressBlock(request.ip));
  }

  protected override throwThrottlingException(
    _context: ExecutionContext,
    detail: ThrottlerLimitDetail,
  ): Promise<void> {
    return refuse(detail);
  }
}

/** After authentication: bounds what one person can ask for, from wherever. */
@Injectable()
export class UserThrottlerGuard extends ThrottlerGuard {
  override async onModuleInit(): Promise<void> {
    await super.onModuleInit();
    this.throttlers = this.throttlers.filter(({ name }) => name === BY_USER);
  }

  protected override shouldSkip(context: ExecutionContext): Promise<boolean> {
    return Promise.resolve(userOf(context.switchToHttp().getRequest()) === undefined);
  }

  protected override getTracker(request: Partial<AuthenticatedRequest>): Promise<string> {
    return Promise.resolve(userOf(request) ?? '');
  }

  protected override throwThrottlingException(
    _context: ExecutionContext,
    detail: ThrottlerLimitDetail,
  ): Promise<void> {
    return refuse(detail);
  }
}

const userOf = (request: Partial<AuthenticatedRequest>): string | undefined => request.user?.id;

function refuse({ timeToBlockExpire }: ThrottlerLimitDetail): Promise<never> {
  return Promise.reject(
    new AppError('TOO_MANY_REQUESTS', {
      detail: `Try again in ${timeToBlockExpire} seconds.`,
      retryAfterSeconds: timeToBlockExpire,
    }),
  );
}
