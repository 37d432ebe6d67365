import { finished } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AppError } from '../common/app-error.js';
import type { IdempotencyKey } from './idempotency-key.entity.js';
import { IdempotencyKeysRepository } from './idempotency-keys.repository.js';
import {
  type IdempotencyClaim,
  type IdempotentRequest,
  KEY_HEADER,
  KEY_LENGTH_MAX,
} from './idempotent-request.js';
import { hashRequest } from './request-hash.js';
import { RunningRequests } from './running-requests.js';

const VISIBLE_ASCII = new RegExp(`^[!-~]{1,${KEY_LENGTH_MAX}}$`);
const TWIN_WAIT_MS = 5000;
const TWIN_POLL_MS = 40;

/**
 * After authentication and before what a route charges for: finds out whether a request was carried out before,
 * and lets only one of several twins go on at a time. The interceptor then answers.
 */
@Injectable()
export class IdempotencyGuard implements CanActivate {
  constructor(
    private readonly keys: IdempotencyKeysRepository,
    private readonly running: RunningRequests,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<IdempotentRequest>();
    const key = request.headers[KEY_HEADER.toLowerCase()];
    if (key === undefined) return true;
    const claim = { key: validKey(key), requestHash: hashOf(request) };
    request.idempotency = { claim };
    const kept = await this.keptOrAlone(request, claim, context.switchToHttp().getResponse<FastifyReply>());
    if (kept !== null) request.idempotency.outcome = outcomeFor(kept, claim);
    return true;
  }

  /** @throws AppError IDEMPOTENT_REQUEST_RUNNING when a twin takes its time */
  private async keptOrAlone(
    request: IdempotentRequest,
    { key }: IdempotencyClaim,
    reply: FastifyReply,
  ): Promise<IdempotencyKey | null> {
    const userId = request.user.id;
    const deadline = Date.now() + TWIN_WAIT_MS;
    for (;;) {
      const kept = await this.keys.find(userId, key);
      if (kept !== null) return kept;
      const leave = await this.running.enter(userId, key);
      if (leave !== null) {
        if (request.idempotency) request.idempotency.leave = leave;
        // For requests that end in a guard. The interceptor takes it over: a client that hangs up ends no handler.
        finished(reply.raw, () => void request.idempotency?.leave?.());
        // A twin may have left between the look and the entry.
        return this.keys.find(userId, key);
      }
      if (Date.now() > deadline) {
        throw new AppError('IDEMPOTENT_REQUEST_RUNNING', {
          detail:
            'The first request with this Idempotency-Key is not answered yet. Send this one again in a moment.',
          retryAfterSeconds: 1,
        });
      }
      await sleep(TWIN_POLL_MS);
    }
  }
}

/** @throws AppError IDEMPOTENCY_KEY_REUSED when the key stands for another request */
export function outcomeFor(kept: IdempotencyKey, { requestHash }: IdempotencyClaim): unknown {
  if (kept.requestHash.equals(requestHash)) return kept.outcome;
  throw new AppError('IDEMPOTENCY_KEY_REUSED', {
    detail:
      'You have used this Idempotency-Key for another request. Take a new key for each thing you want done.',
  });
}

function validKey(key: string | string[]): string {
  if (typeof key === 'string' && VISIBLE_ASCII.test(key)) return key;
  throw new AppError('VALIDATION_FAILED', {
    errors: [{ path: KEY_HEADER, message: `must be 1 to ${KEY_LENGTH_MAX} visible ASCII characters` }],
  });
}

const hashOf = ({ method, routeOptions, params, query, body }: IdempotentRequest): Buffer =>
  hashRequest({ method, route: routeOptions.url ?? '', params, query, body });
