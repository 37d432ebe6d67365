import { Stripe } from 'stripe';
import { type Answer, findRoute, type Request } from '../http.js';
import { newId } from '../objects/make.js';
import { Params } from '../params.js';
import type { StripeAccount } from '../account/stripe-account.js';
import { StripeApiError } from '../stripe-api-error.js';
import type { ApiRoute } from './api-route.js';
import { billingPortal } from './billing-portal.js';
import { checkoutSessions } from './checkout-sessions.js';
import { customers } from './customers.js';
import { events } from './events.js';
import { expand } from './expand.js';
import { Faults, type Silence } from './faults.js';
import { IdempotentAnswers } from './idempotent-answers.js';
import { invoices } from './invoices.js';
import { prices } from './prices.js';
import { refunds } from './refunds.js';
import { subscriptions } from './subscriptions.js';

/** To support more of Stripe, add rows to one of these or another table to the list. */
const ROUTES: ApiRoute[] = [
  ...customers,
  ...prices,
  ...checkoutSessions,
  ...subscriptions,
  ...invoices,
  ...refunds,
  ...billingPortal,
  ...events,
];

/** api.stripe.com: the key, the failures that tests ask for, idempotency, and the table of routes. */
export class StripeApi {
  readonly faults = new Faults();
  private readonly answers: IdempotentAnswers;

  constructor(
    private readonly account: StripeAccount,
    private readonly secretKey: string,
  ) {
    this.answers = new IdempotentAnswers(account.ledger);
  }

  async answer(request: Request): Promise<Answer | Silence> {
    const requestId = newId('req');
    try {
      this.authenticate(request);
      const { before, after, slowMs } = this.faults.take(request);
      if (before) return before;
      if (slowMs > 0) await this.answers.inUseFor(request, slowMs);
      this.account.time.catchUp();
      const { body, headers } = this.answers.once(request, requestId, () => this.run(request));
      return after ?? { status: 200, headers: { ...standardHeaders(requestId), ...headers }, body };
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

  private run(request: Request): string {
    const found = findRoute(ROUTES, request);
    if (!found) {
      throw new StripeApiError(404, {
        type: 'invalid_request_error',
        message: `The simulated Stripe does not support ${request.method} ${request.pathname}; add it to local/simulated-stripe/api.`,
      });
    }
    const params = Params.parse(request.query, request.body);
    params.allowOnly([...found.route.params, 'expand']);
    const paths = params.texts('expand') ?? [];
    const answer = found.route.answer({ account: this.account, params, id: found.id });
    return JSON.stringify(expand(answer, paths, this.account.ledger), null, 2);
  }
}

function standardHeaders(requestId: string) {
  return {
    'content-type': 'application/json',
    'request-id': requestId,
    'stripe-version': Stripe.API_VERSION,
  };
}
