import { createHash } from 'node:crypto';
import type { Request } from '../http.js';
import { now } from '../objects/make.js';
import type { Store } from '../store.js';
import { StripeApiError } from '../stripe-api-error.js';

/** Keys "can be removed from the system after they're at least 24 hours old", https://docs.stripe.com/api/idempotent_requests */
const KEPT_SECONDS = 24 * 60 * 60;

/**
 * Idempotency-Key as Stripe documents it. Refusals are not kept: Stripe keeps an answer "after the execution of an
 * endpoint begins", and here whatever is refused is refused before anything was changed.
 */
export class IdempotentAnswers {
  constructor(private readonly store: Store) {}

  once(
    request: Request,
    requestId: string,
    run: () => string,
  ): { body: string; headers: Record<string, string> } {
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || typeof key !== 'string') return { body: run(), headers: {} };
    this.forgetOld();
    const fingerprint = fingerprintOf(request);
    const kept = this.store.answers.get(key);
    if (!kept) {
      const body = run();
      this.store.answers.set(key, {
        key,
        path: request.pathname,
        fingerprint,
        requestId,
        body,
        created: now(),
      });
      return { body, headers: { 'idempotency-key': key } };
    }
    if (kept.path !== request.pathname) {
      throw conflict(`for the same endpoint they were first used for ('${kept.path}')`, key);
    }
    if (kept.fingerprint !== fingerprint) {
      throw conflict('with the same parameters they were first used with', key);
    }
    return {
      body: kept.body,
      headers: { 'idempotency-key': key, 'idempotent-replayed': 'true', 'original-request': kept.requestId },
    };
  }

  private forgetOld(): void {
    for (const { key, created } of this.store.answers.values()) {
      if (created + KEPT_SECONDS < now()) this.store.answers.delete(key);
    }
  }
}

/** The same parameters in another order are the same parameters. */
function fingerprintOf({ query, body }: Request): string {
  const parameters = [query, body].join('&').split('&').filter(Boolean).sort().join('&');
  return createHash('sha256').update(parameters).digest('hex');
}

function conflict(rule: string, key: string): StripeApiError {
  return new StripeApiError(400, {
    type: 'idempotency_error',
    message: `Keys for idempotent requests can only be used ${rule}. Try using a key other than '${key}' if you meant to execute a different request.`,
  });
}
