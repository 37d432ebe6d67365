import { Stripe } from 'stripe';
import { type Answer, findRoute, type Request } from '../http.js';
import { newId } from '../objects/make.js';
import { Params } from '../params.js';
import type { StripeAccount } from '../stripe-account.js';
import { failureOf, StripeApiError } from '../stripe-api-error.js';
import type { ApiRoute } from './api-route.js';
import { checkoutSessions } from './checkout-sessions.js';
import { customers } from './customers.js';
import { IdempotentAnswers } from './idempotent-answers.js';
import { prices } from './prices.js';
import { subscriptions } from './subscriptions.js';

/** To support more of Stripe, add rows to one of these or another table to the list. */
const ROUTES: ApiRoute[] = [...customers, ...prices, ...checkoutSessions, ...subscriptions];

export interface Failure {
  status: number;
  times: number;
  path?: RegExp;
}

/** api.stripe.com: the key, the failures that tests ask for, idempotency, and the table of routes. */
export class StripeApi {
  private readonly failures: Failure[] = [];
  private readonly answers: IdempotentAnswers;

  constructor(
    private readonly account: StripeAccount,
    private readonly secretKey: string,
  ) {
    this.answers = new IdempotentAnswers(account.store);
  }

  fail(failure: Failure): void {
    this.failures.push({ ...failure });
  }

  answer(request: Request): Answer {
    const requestId = newId('req');
    try {
      this.authenticate(request);
      this.failIfAsked(request);
      const { body, headers } = this.answers.once(request, requestId, () => this.run(request));
      return { status: 200, headers: { ...standardHeaders(requestId), ...headers }, body };
    } catch (error) {
      if (!(error instanceof StripeApiError)) throw error;
      const body = JSON.stringify({ error: error.body }, null, 2);
      return { status: error.status, headers: standardHeaders(requestId), body };
    }
  }

  private authenticate({ headers }: Request): void {
    if (headers.authorization === `Bearer ${this.secretKey}`) return;
    const message = headers.authorization
      ? 'Invalid API Key provided: it is not the one that the simulated Stripe was started with.'
      : 'You did not provide an API key.';
    throw new StripeApiError(401, { type: 'invalid_request_error', message });
  }

  /** Before anything else happens, so that a retry with the same Idempotency-Key runs for the first time. */
  private failIfAsked({ pathname }: Request): void {
    const failure = this.failures.find(
      ({ times, path }) => times > 0 && (path === undefined || pathname.search(path) !== -1),
    );
    if (!failure) return;
    failure.times -= 1;
    throw failureOf(failure.status);
  }

  private run(request: Request): string {
    const found = findRoute(ROUTES, request);
    if (!found) {
      throw new StripeApiError(404, {
        type: 'invalid_request_error',
        message: `The simulated Stripe does not support ${request.method} ${request.pathname}; add it to local/simulated-stripe/api.`,
      });
    }
    const params = Params.parse(request.query, request.body);
    params.allowOnly(found.route.params);
    return JSON.stringify(found.route.answer({ account: this.account, params, id: found.id }), null, 2);
  }
}

function standardHeaders(requestId: string) {
  return {
    'content-type': 'application/json',
    'request-id': requestId,
    'stripe-version': Stripe.API_VERSION,
  };
}
