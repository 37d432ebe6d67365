import {
  applyDecorators,
  type CallHandler,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  Logger,
  type NestInterceptor,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type { HttpArgumentsHost } from '@nestjs/common/interfaces/index.js';
import type { FastifyReply } from 'fastify';
import { catchError, concatMap, from, type Observable } from 'rxjs';
import { ApiProblems } from '../common/api-problems.js';
import { AppError } from '../common/app-error.js';
import { newId } from '../common/id.js';
import { type IdempotentRequest, isReplay, type Replayer } from '../idempotency/idempotent-request.js';
import { Idempotent } from '../idempotency/idempotent.decorator.js';
import { dailyLimitReached, secondsUntil } from './daily-limit.js';
import { type Charge, QuotaService, type QuotaState, type Reservation } from './quota.service.js';
import { Tiers } from './tiers.js';

interface ReservingRequest extends IdempotentRequest {
  charge?: Charge;
  reservation?: Reservation;
}

export const ReservedCharge = createParamDecorator((_data: unknown, context: ExecutionContext): Charge => {
  const { charge } = context.switchToHttp().getRequest<ReservingRequest>();
  if (charge === undefined) throw new Error('@ReservedCharge() needs @ChargesPrompt() on the same route');
  return charge;
});

/**
 * Reserves one prompt of a Basic person's day before anything else happens. Who was Pro a moment ago reserves none: should
 * that have ended, the prompt is counted where it is stored. Replays are not counted.
 */
@Injectable()
export class TierLimitGuard implements CanActivate {
  constructor(
    private readonly quota: QuotaService,
    private readonly tiers: Tiers,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<ReservingRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const userId = request.user.id;
    if (isReplay(request)) {
      setRateLimitHeaders(reply, await this.quota.state(userId, await this.tiers.look(userId)));
      return true;
    }
    request.charge = this.quota.charge(newId());
    if (this.tiers.lastSeen(userId) === 'pro') return true;
    request.reservation = await this.quota.reserve(userId, request.charge.id);
    if (request.reservation.accepted || (await this.tiers.look(userId)) === 'pro') return true;
    setRateLimitHeaders(reply, request.reservation);
    throw dailyLimitReached(request.charge);
  }
}

/**
 * Says in headers where the person stands, and gives the reservation back when the request ends in an error: a prompt
 * that was not stored is not charged.
 */
@Injectable()
export class ReservationInterceptor implements NestInterceptor {
  private readonly logger = new Logger(ReservationInterceptor.name);

  constructor(
    private readonly quota: QuotaService,
    private readonly tiers: Tiers,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    return next.handle().pipe(
      concatMap(async (answer: unknown) => {
        await this.tellState(http);
        return answer;
      }),
      catchError((error: unknown) => from(this.giveBack(http, error))),
    );
  }

  /** @throws the error */
  private async giveBack(http: HttpArgumentsHost, error: unknown): Promise<never> {
    const request = http.getRequest<ReservingRequest>();
    const { charge, reservation } = request;
    if (charge !== undefined && reservation?.accepted) {
      request.reservation = { ...reservation, used: reservation.used - 1 };
      await this.attempt(request, () => this.quota.release(request.user.id, charge.id));
    }
    // An outage is not asked who the person is.
    if (error instanceof AppError) await this.tellState(http);
    throw error;
  }

  private async tellState(http: HttpArgumentsHost): Promise<void> {
    const request = http.getRequest<ReservingRequest>();
    const userId = request.user.id;
    await this.attempt(request, async () => {
      const tier = this.tiers.lastSeen(userId) ?? (await this.tiers.look(userId));
      if (tier === 'pro') return;
      const state = request.reservation ?? (await this.quota.state(userId, tier));
      setRateLimitHeaders(http.getResponse<FastifyReply>(), state);
    });
  }

  /** What the request has done stands: a reservation ends by itself, and an answer does without its headers. */
  private async attempt({ user }: ReservingRequest, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (err) {
      this.logger.warn({ err, userId: user.id }, 'The quota could not be brought up to date at once');
    }
  }
}

/**
 * On a route that asks for a reply: counts it against the person's daily limit, exactly when it is stored. Before that it is
 * found out whether it was stored already.
 *
 * @param replayer answers what was
 */
export const ChargesPrompt = (replayer: Type<Replayer>): MethodDecorator =>
  applyDecorators(
    Idempotent(replayer),
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
