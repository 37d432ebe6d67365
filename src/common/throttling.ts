import { applyDecorators, type ExecutionContext, Inject, Injectable, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import { ThrottlerGuard, type ThrottlerLimitDetail, type ThrottlerModuleOptions } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { addressBlock } from './address-block.js';
import { AppError } from './app-error.js';
import type { AuthenticatedRequest } from './current-user.js';
import { RequestCounts } from './request-counts.js';

/** Requests are counted by the minute. */
export const THROTTLE_WINDOW_MS = 60_000;
/** Says so of a route, and in the OpenAPI document while it is made; see openapi.ts. */
export const UNTHROTTLED = 'x-unthrottled';
const BY_IP = 'ip';
const BY_USER = 'user';

export function throttlingOptions(env: Env, redis: RedisClient): ThrottlerModuleOptions {
  return {
    throttlers: [{ name: BY_USER, ttl: THROTTLE_WINDOW_MS, limit: env.THROTTLE_USER_PER_MINUTE }],
    // One budget for all routes together, not one for each.
    generateKey: (_context, userId) => keys.requestsOf(userId),
    setHeaders: false,
    storage: new RequestCounts(redis),
  };
}

/** For public routes that machines call in bursts. */
export const SkipThrottling = (): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(UNTHROTTLED, true), ApiExtension(UNTHROTTLED, true));

/** Before authentication: bounds what one address can try. */
@Injectable()
export class IpThrottlerGuard extends ThrottlerGuard {
  @Inject(Env) private readonly env!: Env;

  /**
   * One limit for all routes: what the original looks up for each, in 18 promises, is known. It took a tenth of a cached
   * list's time.
   */
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const route = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(UNTHROTTLED, route)) return true;
    const { ip } = context.switchToHttp().getRequest<FastifyRequest>();
    const { isBlocked, timeToBlockExpire } = await this.storageService.increment(
      keys.requestsFrom(addressBlock(ip)),
      THROTTLE_WINDOW_MS,
      this.env.THROTTLE_IP_PER_MINUTE,
      THROTTLE_WINDOW_MS,
      BY_IP,
    );
    return isBlocked ? refuse({ timeToBlockExpire }) : true;
  }
}

/** After authentication: bounds what one person can ask for, from wherever. */
@Injectable()
export class UserThrottlerGuard extends ThrottlerGuard {
  @Inject(Env) private readonly env!: Env;

  /** Most requests were counted when their session was looked for; see Admission. */
  override canActivate(context: ExecutionContext): Promise<boolean> {
    const { user } = context.switchToHttp().getRequest<Partial<AuthenticatedRequest>>();
    if (user === undefined) return Promise.resolve(true);
    if (user.counted === undefined) return super.canActivate(context);
    if (user.counted.requests <= this.env.THROTTLE_USER_PER_MINUTE) return Promise.resolve(true);
    return refuse({ timeToBlockExpire: Math.ceil(user.counted.endsInMs / 1000) });
  }

  protected override getTracker(request: Partial<AuthenticatedRequest>): Promise<string> {
    return Promise.resolve(request.user?.id ?? '');
  }

  protected override throwThrottlingException(
    _context: ExecutionContext,
    detail: ThrottlerLimitDetail,
  ): Promise<void> {
    return refuse(detail);
  }
}

function refuse({ timeToBlockExpire }: Pick<ThrottlerLimitDetail, 'timeToBlockExpire'>): Promise<never> {
  return Promise.reject(
    new AppError('TOO_MANY_REQUESTS', {
      detail: `Try again in ${timeToBlockExpire} seconds.`,
      retryAfterSeconds: timeToBlockExpire,
    }),
  );
}
