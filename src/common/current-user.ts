import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { RequestCount } from './request-counts.js';

/** What the JWT guard leaves on a request. */
export interface AuthenticatedRequest extends FastifyRequest {
  /**
   * `sessionId` is missing where a stream ticket, and no session, opened the door; `counted` where this request is not
   * counted yet.
   */
  user: { id: string; sessionId?: string; counted?: RequestCount };
}

/** The id of the person who makes this request. Part of every key that the request may touch. */
export const CurrentUserId = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string =>
    context.switchToHttp().getRequest<AuthenticatedRequest>().user.id,
);

/** The session of this request, on routes that ask for an access token. */
export const CurrentSessionId = createParamDecorator((_data: unknown, context: ExecutionContext): string => {
  const { sessionId } = context.switchToHttp().getRequest<AuthenticatedRequest>().user;
  if (sessionId === undefined) throw new Error('This route is open without a session');
  return sessionId;
});
