import type { Stripe } from 'stripe';
import type { StripeAccount } from '../account/stripe-account.js';
import type { Answer } from '../http.js';
import { idOf, itemOf } from '../objects/subscription.js';
import { button, day, type Html, html, page, redirect } from './html.js';
import type { PageCall, PageRoute } from './page-route.js';
import { cancelAtPeriodEnd } from './portal-page.js';

/** Stands for the dashboard: whose subscriptions there are, what time it is, and what is told to the app. */
export const subscriptionPages: PageRoute[] = [
  { method: 'GET', path: '/', answer: ({ account }) => subscriptionsPage(account) },
  {
    method: 'POST',
    path: '/subscriptions/:id/cancel-now',
    answer: (call) =>
      change(call, (subscription) => {
        call.account.cancelNow(subscription, false);
      }),
  },
  {
    method: 'POST',
    path: '/subscriptions/:id/cancel-at-period-end',
    answer: (call) => change(call, cancelAtPeriodEnd(true)),
  },
  {
    method: 'POST',
    path: '/subscriptions/:id/keep',
    answer: (call) => change(call, cancelAtPeriodEnd(false)),
  },
  { method: 'POST', path: '/customers/:id/portal', answer: openPortal },
];

function change(call: PageCall, act: (subscription: Stripe.Subscription, call: PageCall) => void): Answer {
  act(call.account.ledger.getSubscription(call.id), call);
  return redirect('/');
}

function openPortal({ account, id }: PageCall): Answer {
  const { url } = account.openPortal(account.ledger.getCustomer(id).id, account.ledger.baseUrl);
  return redirect(url);
}

function subscriptionsPage(account: StripeAccount): Answer {
  const newestFirst = [...account.ledger.store.subscriptions.values()].toReversed();
  return page(200, {
    title: 'Subscriptions',
    note: 'It stands for Stripe on this machine; no money moves. In the real product, people manage their subscription in the Stripe customer portal, and the team does in the Stripe dashboard.',
    wide: true,
    main: html`<h1>Subscriptions</h1>
      ${newestFirst.length > 0 ? newestFirst.map((each) => card(account, each)) : html`<p>Nobody has subscribed yet. Pay a Checkout session, and the subscription shows up here.</p>`}
      ${clock(account)} ${webhooks(account)}`,
  });
}

function clock({ ledger }: StripeAccount): Html {
  return html`<section class="card">
    <h2>Stripe’s clock: ${new Date(ledger.now() * 1000).toISOString()}</h2>
    <p>
      Advance it, and what falls due happens: renewals, ends of trials, retries of cards. The app’s own clock
      stays.
    </p>
    <div class="actions">
      ${[1, 7, 31, 366].map((days) => button(`/_control/advance?days=${days}`, `Advance ${days} ${days === 1 ? 'day' : 'days'}`))}
    </div>
  </section>`;
}

function webhooks({ ledger: { store } }: StripeAccount): Html {
  const pending = store.events.filter((event) => event.pending_webhooks > 0).length;
  return html`<section class="card">
    <h2>Webhooks: ${store.events.length} events, ${pending} not taken by the app</h2>
    <div class="actions">
      ${button('/_control/webhooks?mode=hold', 'Hold them back')}
      ${button('/_control/webhooks?mode=lose', 'Lose the next ones')}
      ${button('/_control/webhooks?mode=send', 'Send them')}
      ${button('/_control/deliver?order=shuffled', 'Send all again, shuffled')}
    </div>
  </section>`;
}

function card(account: StripeAccount, subscription: Stripe.Subscription): Html {
  const path = `/subscriptions/${subscription.id}`;
  const ended = subscription.status === 'canceled';
  const customer = account.ledger.store.customers.get(idOf(subscription.customer));
  return html`<section class="card">
    <h2>${customerName(account, subscription)}</h2>
    <p>${subscription.id}</p>
    <p><strong>${subscription.status}</strong>${detail(subscription)}</p>
    <div class="actions">
      ${
        ended
          ? ''
          : html`${button(`${path}/cancel-now`, 'Cancel now')}
            ${subscription.cancel_at !== null ? button(`${path}/keep`, 'Keep it after all') : button(`${path}/cancel-at-period-end`, 'Cancel at period end')}`
      }
      ${customer ? button(`/customers/${customer.id}/portal`, 'Customer portal') : ''}
    </div>
  </section>`;
}

function customerName(account: StripeAccount, { customer }: Stripe.Subscription): string {
  const known = account.ledger.store.customers.get(idOf(customer));
  return [known?.name, known?.email, known?.phone, idOf(customer)].filter(Boolean).join(', ');
}

function detail(subscription: Stripe.Subscription): string {
  if (subscription.ended_at) return `, ended ${day(subscription.ended_at)}`;
  const periodEnd = day(itemOf(subscription).current_period_end);
  return subscription.cancel_at !== null ? `, ends ${periodEnd}` : `, paid until ${periodEnd}`;
}
