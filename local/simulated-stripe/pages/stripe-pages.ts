import { type Answer, findRoute, type Request } from '../http.js';
import type { StripeAccount } from '../stripe-account.js';
import { StripeApiError } from '../stripe-api-error.js';
import { checkoutPages } from './checkout-page.js';
import { html, page } from './html.js';
import type { PageRoute } from './page-route.js';
import { subscriptionPages } from './subscriptions-page.js';

const ROUTES: PageRoute[] = [...checkoutPages, ...subscriptionPages];

/** The pages that a person sees in a browser. */
export function answerPage(account: StripeAccount, request: Request): Answer {
  const found = findRoute(ROUTES, request);
  if (!found) return refusal(404, 'There is no such page.');
  try {
    return found.route.answer({ account, id: found.id });
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
