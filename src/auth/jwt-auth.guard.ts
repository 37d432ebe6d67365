import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { AppError } from '../common/app-error.js';
import type { AuthenticatedRequest } from '../common/current-user.js';
import { IS_PUBLIC } from '../common/public.decorator.js';
import { JwtStrategy } from './jwt.strategy.js';

/** Every route asks for an access token unless it is `@Public()`. */
@Injectable()
export class JwtAuthGuard extends AuthGuard('jwt') {
  constructor(
    private readonly reflector: Reflector,
    private readonly strategy: JwtStrategy,
  ) {
    super();
  }

  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const isPublic = this.reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, [
      context.getHandler(),
      context.getClass(),
    ]);
    return isPublic ?? this.authenticate(context);
  }

  /** Asks for an access token, whatever the route says. */
  protected async authenticate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const known = this.strategy.admitKnown(request);
    if (known === undefined) return (await super.canActivate(context)) as boolean;
    request.user = await known;
    return true;
  }

  /** @param error what the strategy threw; outages must stay outages and not turn into a 401 */
  override handleRequest<User>(error: unknown, user: User | false, info: unknown): User {
    if (error) throw error as Error;
    if (user) return user;
    throw new AppError('UNAUTHENTICATED', { detail: detailOf(info) });
  }
}

/** @param info what passport-jwt and jsonwebtoken say was wrong */
function detailOf(info: unknown): string {
  if (!(info instanceof Error) || info.message === 'No auth token') {
    return 'Send an access token: Authorization: Bearer <accessToken>.';
  }
  return info.name === 'TokenExpiredError'
    ? 'The access token has expired. Get the next one with your refresh token, at /v1/auth/refresh.'
    : 'The access token is not valid. Sign in again.';
}
