import { type Answer, findRoute, type Request } from '../http.js';
import type { StripeAccount } from '../account/stripe-account.js';
import { Params } from '../params.js';
import { StripeApiError } from '../stripe-api-error.js';
import { checkoutPages } from './checkout-page.js';
import { html, page } from './html.js';
import { invoicePages } from './invoice-page.js';
import type { PageRoute } from './page-route.js';
import { portalPages } from './portal-page.js';
import { subscriptionPages } from './subscriptions-page.js';

const ROUTES: PageRoute[] = [...checkoutPages, ...portalPages, ...invoicePages, ...subscriptionPages];

/** The pages that a person sees in a browser. */
export function answerPage(account: StripeAccount, request: Request): Answer {
  const found = findRoute(ROUTES, request);
  if (!found) return refusal(404, 'There is no such page.');
  account.time.catchUp();
  try {
    return found.route.answer({ account, id: found.id, form: Params.parse(request.query, request.body) });
  } catch (error) {
    if (error instanceof StripeApiError) return refusal(error.status, error.message);
    throw error;
  }
}

function refusal(status: number, message: string): Answer {
  return page(status, {
    title: 'Not possible',
    note: 'It stands for Stripe on this machine; no money moves.',
    main: html`<section class="card">
      <h1>Not possible</h1>
      <p role="alert">${message}</p>
      <p><a href="/">Subscriptions</a></p>
    </section>`,
  });
}
