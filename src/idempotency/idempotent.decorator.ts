import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  SetMetadata,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { IdempotencyGuard } from './idempotency.guard.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import {
  IDEMPOTENT,
  type IdempotencyClaim,
  type IdempotentRequest,
  type IdempotentRoute,
  KEY_HEADER,
  KEY_LENGTH_MAX,
  type Replayer,
} from './idempotent-request.js';

/**
 * On a POST that creates or charges something: with an `Idempotency-Key`, repeating it does nothing and is answered
 * as the first time.
 *
 * Without a replayer the answer is kept as it is, after the handler. That suits an effect that is idempotent by itself
 * (Stripe's, by a key made from ours). With one, the handler takes `@ClaimedKey()` and stores it together with its
 * outcome in the statement that has the effect, so that there is no moment when only one of them exists.
 */
export const Idempotent = (replayer: Type<Replayer> | null = null): MethodDecorator =>
  applyDecorators(
    SetMetadata(IDEMPOTENT, { replayer } satisfies IdempotentRoute),
    // Not global: most routes need neither, and without an interceptor they go without Nest's observables.
    UseGuards(IdempotencyGuard),
    UseInterceptors(IdempotencyInterceptor),
    ApiHeader({
      name: KEY_HEADER,
      required: false,
      description:
        'Makes repeating safe: 1 to 255 visible ASCII characters, new for each thing you want done, such as a UUID. ' +
        'Within 24 hours the same key with the same request is answered as the first time, with the header ' +
        '`Idempotency-Replayed: true`, and nothing happens again. A request that failed uses no key up.',
      schema: { type: 'string', minLength: 1, maxLength: KEY_LENGTH_MAX, pattern: '^[!-~]+$' },
      example: '5f0c2b1e-8d1f-4a53-9a5e-0f6f4f1f7c11',
    }),
  );

/** The idempotency key of this request, null when it brought none. */
export const ClaimedKey = createParamDecorator(
  (_data: unknown, context: ExecutionContext): IdempotencyClaim | null =>
    context.switchToHttp().getRequest<IdempotentRequest>().idempotency?.claim ?? null,
);
