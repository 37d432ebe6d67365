import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Ledger } from '../account/ledger.js';
import type { Request } from '../http.js';
import { StripeApiError } from '../stripe-api-error.js';

/** Keys "can be removed from the system after they're at least 24 hours old", https://docs.stripe.com/api/idempotent_requests */
const KEPT_SECONDS = 24 * 60 * 60;

/**
 * Idempotency-Key as Stripe documents it. Refusals are not kept: Stripe keeps an answer "after the execution of an
 * endpoint begins", and here whatever is refused is refused before anything was changed.
 */
export class IdempotentAnswers {
  private readonly inUse = new Set<string>();

  constructor(private readonly ledger: Ledger) {}

  once(
    request: Request,
    requestId: string,
    run: () => string,
  ): { body: string; headers: Record<string, string> } {
    const key = keyOf(request);
    if (key === undefined) return { body: run(), headers: {} };
    this.refuseInUse(key);
    this.forgetOld();
    const fingerprint = fingerprintOf(request);
    const kept = this.ledger.store.answers.get(key);
    if (!kept) {
      const body = run();
      this.ledger.store.answers.set(key, {
        key,
        path: request.pathname,
        fingerprint,
        requestId,
        body,
        created: this.ledger.now(),
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

  /** The request is on its way for so long, and a twin of it is refused meanwhile. */
  async inUseFor(request: Request, milliseconds: number): Promise<void> {
    const key = keyOf(request);
    if (key !== undefined) {
      this.refuseInUse(key);
      this.inUse.add(key);
    }
    await pause(milliseconds, undefined, { ref: false });
    if (key !== undefined) this.inUse.delete(key);
  }

  private refuseInUse(key: string): void {
    if (!this.inUse.has(key)) return;
    throw new StripeApiError(409, {
      type: 'idempotency_error',
      code: 'idempotency_key_in_use',
      message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
    });
  }

  private forgetOld(): void {
    for (const { key, created } of this.ledger.store.answers.values()) {
      if (created + KEPT_SECONDS < this.ledger.now()) this.ledger.store.answers.delete(key);
    }
  }
}

function keyOf({ method, headers }: Request): string | undefined {
  const key = headers['idempotency-key'];
  return method === 'POST' && typeof key === 'string' ? key : undefined;
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
