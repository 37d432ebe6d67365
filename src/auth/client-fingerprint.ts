import { createHash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Tells one client from another: a hash of address and user agent. A hint, to be used beside a proof and never as one. */
export const ClientFingerprint = createParamDecorator((_data: unknown, context: ExecutionContext): string => {
  const { ip, headers } = context.switchToHttp().getRequest<FastifyRequest>();
  return createHash('sha256')
    .update(`${ip}\0${headers['user-agent'] ?? ''}`)
    .digest('base64url');
});
