import {
  applyDecorators,
  type CallHandler,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  Logger,
  type NestInterceptor,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type { HttpArgumentsHost } from '@nestjs/common/interfaces/index.js';
import type { FastifyReply } from 'fastify';
import { catchError, from, mergeMap, type Observable, throwError } from 'rxjs';
import { ApiProblems } from '../common/api-problems.js';
import { newId } from '../common/id.js';
import { type IdempotentRequest, isReplay } from '../idempotency/idempotent.decorator.js';
import { type Tier, tierAt } from '../users/user.entity.js';
import { UsersService } from '../users/users.service.js';
import { dailyLimitReached, secondsUntil } from './daily-limit.js';
import { type QuotaState, QuotaService } from './quota.service.js';

interface ReservingRequest extends IdempotentRequest {
  charge?: Charge;
  quota?: QuotaState;
}

/** What the tier limit guard reserved for a request. */
export interface Charge {
  /** A new prompt is stored under it, too. */
  id: string;
  /** Of the person, at this moment. */
  tier: Tier;
  /** Charges that the person may have on the day of this one, which ends at `resetAt`; null: as many as they like. */
  limit: number | null;
  resetAt: Date;
}

export const ReservedCharge = createParamDecorator((_data: unknown, context: ExecutionContext): Charge => {
  const { charge } = context.switchToHttp().getRequest<ReservingRequest>();
  if (charge === undefined) throw new Error('@ReservedCharge() needs @ChargesPrompt() on the same route');
  return charge;
});

/** Reserves one prompt of the person's day before anything else happens, and says in headers where they stand. Replays are not counted. */
@Injectable()
export class TierLimitGuard implements CanActivate {
  constructor(
    private readonly users: UsersService,
    private readonly quota: QuotaService,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<ReservingRequest>();
    const user = await this.users.load(request.user.id);
    const tier = tierAt(user, new Date());
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    if (isReplay(request)) {
      setRateLimitHeaders(reply, await this.quota.state(user.id, tier));
      return true;
    }
    const chargeId = newId();
    const reservation = await this.quota.reserve(user.id, tier, chargeId);
    setRateLimitHeaders(reply, reservation);
    if (!reservation.accepted) {
      throw dailyLimitReached(reservation);
    }
    request.charge = { id: chargeId, tier, limit: reservation.limit, resetAt: reservation.resetAt };
    request.quota = reservation;
    return true;
  }
}

/** Gives the reservation back when the request ends in an error: a prompt that was not stored is not charged. */
@Injectable()
export class ReservationInterceptor implements NestInterceptor {
  private readonly logger = new Logger(ReservationInterceptor.name);

  constructor(private readonly quota: QuotaService) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next
      .handle()
      .pipe(
        catchError((error: unknown) =>
          from(this.release(context.switchToHttp())).pipe(mergeMap(() => throwError(() => error))),
        ),
      );
  }

  private async release(http: HttpArgumentsHost): Promise<void> {
    const { user, charge, quota } = http.getRequest<ReservingRequest>();
    if (charge === undefined || quota === undefined) return;
    setRateLimitHeaders(http.getResponse<FastifyReply>(), { ...quota, used: quota.used - 1 });
    try {
      await this.quota.release(user.id, charge.id);
    } catch (err) {
      // The reservation ends by itself.
      this.logger.warn({ err, userId: user.id }, 'A reserved prompt could not be given back at once');
    }
  }
}

/** On a route that asks for a reply: counts it against the person's daily limit, exactly when it is stored. */
export const ChargesPrompt = (): MethodDecorator =>
  applyDecorators(
    UseGuards(TierLimitGuard),
    UseInterceptors(ReservationInterceptor),
    ApiProblems('DAILY_PROMPT_LIMIT_REACHED'),
  );

/** As in the IETF draft "RateLimit header fields for HTTP"; Reset is in seconds. Unlimited tiers get none. */
function setRateLimitHeaders(reply: FastifyReply, state: QuotaState): void {
  if (state.limit === null) return;
  reply.header('ratelimit-limit', String(state.limit));
  reply.header('ratelimit-remaining', String(Math.max(0, state.limit - state.used)));
  reply.header('ratelimit-reset', String(secondsUntil(state.resetAt)));
}
