import type { Stripe } from 'stripe';
import type { Answer } from '../http.js';
import type { StripeAccount } from '../stripe-account.js';
import { button, day, type Html, html, page, redirect } from './html.js';
import type { PageCall, PageRoute } from './page-route.js';

/** Stands for the dashboard and the customer portal: whose subscriptions there are, and cancelling them. */
export const subscriptionPages: PageRoute[] = [
  { method: 'GET', path: '/', answer: ({ account }) => subscriptionsPage(account) },
  {
    method: 'POST',
    path: '/subscriptions/:id/cancel-now',
    answer: (call) =>
      change(call, (subscription) => {
        call.account.cancelSubscription(subscription);
      }),
  },
  {
    method: 'POST',
    path: '/subscriptions/:id/cancel-at-period-end',
    answer: (call) => cancelAtPeriodEnd(call, true),
  },
  { method: 'POST', path: '/subscriptions/:id/keep', answer: (call) => cancelAtPeriodEnd(call, false) },
];

function change({ account, id }: PageCall, act: (subscription: Stripe.Subscription) => void): Answer {
  act(account.getSubscription(id));
  return redirect('/');
}

/**
 * As the customer portal does with subscriptions of billing mode "flexible": it sets the date, and not the flag that
 * says the same. https://docs.stripe.com/billing/subscriptions/billing-mode/compare
 */
function cancelAtPeriodEnd(call: PageCall, cancel: boolean): Answer {
  return change(call, (subscription) => {
    const periodEnd = subscription.items.data[0]?.current_period_end ?? null;
    call.account.updateSubscription(subscription, { cancel_at: cancel ? periodEnd : null });
  });
}

function subscriptionsPage(account: StripeAccount): Answer {
  const newestFirst = [...account.store.subscriptions.values()].toReversed();
  return page(200, {
    title: 'Subscriptions',
    note: 'It stands for Stripe on this machine; no money moves. In the real product, people manage their subscription in the Stripe customer portal, and the team does in the Stripe dashboard.',
    wide: true,
    main: html`<h1>Subscriptions</h1>
      ${newestFirst.length > 0 ? newestFirst.map((each) => card(account, each)) : html`<p>Nobody has subscribed yet. Pay a Checkout session, and the subscription shows up here.</p>`}`,
  });
}

function card(account: StripeAccount, subscription: Stripe.Subscription): Html {
  const path = `/subscriptions/${subscription.id}`;
  const ended = subscription.status === 'canceled';
  return html`<section class="card">
    <h2>${customerName(account, subscription)}</h2>
    <p>${subscription.id}</p>
    <p><strong>${subscription.status}</strong>${detail(subscription)}</p>
    ${
      ended
        ? ''
        : html`<div class="actions">
            ${button(`${path}/cancel-now`, 'Cancel now')}
            ${subscription.cancel_at !== null ? button(`${path}/keep`, 'Keep it after all') : button(`${path}/cancel-at-period-end`, 'Cancel at period end')}
          </div>`
    }
  </section>`;
}

function customerName(account: StripeAccount, { customer }: Stripe.Subscription): string {
  const id = typeof customer === 'string' ? customer : customer.id;
  const known = account.store.customers.get(id);
  return [known?.name, known?.email, known?.phone, id].filter(Boolean).join(', ');
}

function detail(subscription: Stripe.Subscription): string {
  if (subscription.ended_at) return `, ended ${day(subscription.ended_at)}`;
  const periodEnd = day(subscription.items.data[0]?.current_period_end ?? 0);
  return subscription.cancel_at !== null ? `, ends ${periodEnd}` : `, paid until ${periodEnd}`;
}
