import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { JwtAuthGuard } from '../auth/jwt-auth.guard.js';
import { JwtStrategy } from '../auth/jwt.strategy.js';
import { AppError } from '../common/app-error.js';
import type { AuthenticatedRequest } from '../common/current-user.js';
import { StreamTickets } from './stream-tickets.js';

interface StreamRequest extends AuthenticatedRequest {
  params: { id?: string };
  query: { ticket?: unknown };
}

/** For a route that is open to the holder of a ticket for its message, and else asks for an access token. */
@Injectable()
export class StreamAccessGuard extends JwtAuthGuard {
  constructor(
    reflector: Reflector,
    strategy: JwtStrategy,
    private readonly tickets: StreamTickets,
  ) {
    super(reflector, strategy);
  }

  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<StreamRequest>();
    const { ticket } = request.query;
    if (ticket === undefined) return this.authenticate(context);
    const userId = typeof ticket === 'string' ? this.tickets.verify(ticket, request.params.id ?? '') : null;
    if (userId === null) {
      throw new AppError('UNAUTHENTICATED', {
        detail:
          'The ticket has expired or is for another message. Get a new one at links.reply, or send a token.',
      });
    }
    request.user = { id: userId };
    return true;
  }
}
