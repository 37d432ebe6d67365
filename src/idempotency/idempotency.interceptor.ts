import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { ModuleRef, Reflector } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import { lastValueFrom, type Observable, of } from 'rxjs';
import { outcomeFor } from './idempotency.guard.js';
import { IdempotencyKeysRepository } from './idempotency-keys.repository.js';
import {
  IDEMPOTENT,
  type IdempotencyClaim,
  type IdempotentRequest,
  type IdempotentRoute,
  isReplay,
  REPLAYED_HEADER,
} from './idempotent-request.js';

/** Answers replays in place of the handler, and sees to it that what a handler did is kept. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly modules: ModuleRef,
    private readonly keys: IdempotencyKeysRepository,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<IdempotentRequest>();
    const { idempotency } = request;
    if (idempotency === undefined) return next.handle();
    const { claim, outcome, leave } = idempotency;
    if (isReplay(request)) return of(await this.replay(context, outcome));
    delete idempotency.leave;
    try {
      return of(await this.carryOut(context, next, claim));
    } catch (error) {
      if (!this.keys.isTaken(error)) throw error;
      const kept = await this.keys.find(request.user.id, claim.key);
      if (kept === null) throw error;
      return of(await this.replay(context, outcomeFor(kept, claim)));
    } finally {
      await leave?.();
    }
  }

  private async carryOut(
    context: ExecutionContext,
    next: CallHandler,
    claim: IdempotencyClaim,
  ): Promise<unknown> {
    const answer: unknown = await lastValueFrom(next.handle());
    if (this.routeOf(context).replayer === null) {
      await this.keys.keep(userOf(context), claim, answer as object);
    }
    return answer;
  }

  private async replay(context: ExecutionContext, outcome: unknown): Promise<unknown> {
    const { replayer } = this.routeOf(context);
    const answer =
      replayer === null
        ? outcome
        : await this.modules.get(replayer, { strict: false }).replay(userOf(context), outcome);
    void context.switchToHttp().getResponse<FastifyReply>().header(REPLAYED_HEADER, 'true');
    return answer;
  }

  private routeOf(context: ExecutionContext): IdempotentRoute {
    return this.reflector.get<IdempotentRoute>(IDEMPOTENT, context.getHandler());
  }
}

const userOf = (context: ExecutionContext): string =>
  context.switchToHttp().getRequest<IdempotentRequest>().user.id;
