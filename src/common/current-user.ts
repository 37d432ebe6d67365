import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** What the JWT guard leaves on a request. */
export interface AuthenticatedRequest extends FastifyRequest {
  user: { id: string };
}

/** The id of the person who makes this request. Part of every key that the request may touch. */
export const CurrentUserId = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string =>
    context.switchToHttp().getRequest<AuthenticatedRequest>().user.id,
);
