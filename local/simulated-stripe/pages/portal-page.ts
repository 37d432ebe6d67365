import type { Stripe } from 'stripe';
import type { Answer } from '../http.js';
import { intervalOf } from '../objects/price.js';
import { idOf, itemOf } from '../objects/subscription.js';
import { noSuch } from '../stripe-api-error.js';
import { asLocation, button, day, type Html, html, money, page, redirect } from './html.js';
import type { PageCall, PageRoute } from './page-route.js';

/** billing.stripe.com: where a person manages what they pay for. */
export const portalPages: PageRoute[] = [
  { method: 'GET', path: '/p/session/:id', answer: portalPage },
  { method: 'POST', path: '/p/session/:id/cancel', answer: (call) => act(call, cancelAtPeriodEnd(true)) },
  { method: 'POST', path: '/p/session/:id/resume', answer: (call) => act(call, cancelAtPeriodEnd(false)) },
  { method: 'POST', path: '/p/session/:id/cancel-now', answer: (call) => act(call, cancelNow) },
  { method: 'POST', path: '/p/session/:id/to-month', answer: (call) => act(call, switchTo('month')) },
  { method: 'POST', path: '/p/session/:id/to-year', answer: (call) => act(call, switchTo('year')) },
  { method: 'POST', path: '/p/session/:id/card-works', answer: (call) => changeCard(call, 'works') },
  { method: 'POST', path: '/p/session/:id/card-fails', answer: (call) => changeCard(call, 'fails') },
];

type Change = (subscription: Stripe.Subscription, call: PageCall) => void;

function sessionOf({ account, id }: PageCall): Stripe.BillingPortal.Session {
  const session = account.ledger.store.portalSessions.get(id);
  if (session) return session;
  throw noSuch('billing_portal.session', id);
}

/** The subscription that the portal shows: the newest that has not ended. */
function currentOf(call: PageCall): Stripe.Subscription | undefined {
  return call.account.ledger
    .subscriptionsOf(sessionOf(call).customer)
    .findLast(({ status }) => !['canceled', 'incomplete_expired'].includes(status));
}

function act(call: PageCall, change: Change): Answer {
  const subscription = currentOf(call);
  if (subscription) change(subscription, call);
  return redirect(`/p/session/${call.id}`);
}

/**
 * As the customer portal does with subscriptions of billing mode "flexible": it sets the date, and not the flag that
 * says the same. https://docs.stripe.com/billing/subscriptions/billing-mode/compare
 */
export function cancelAtPeriodEnd(cancel: boolean): Change {
  return (subscription, { account }) => {
    const end = itemOf(subscription).current_period_end;
    account.subscriptions.update(subscription, { cancel_at: cancel ? end : null });
  };
}

function cancelNow(subscription: Stripe.Subscription, { account }: PageCall): void {
  account.cancelNow(subscription, false);
}

/** Where it is so already nothing happens: the button was pressed twice, or on a page from before. */
function switchTo(interval: string): Change {
  return (subscription, { account }) => {
    const other = account.ledger.otherPrice(itemOf(subscription).price);
    if (other && intervalOf(other) === interval) account.changePrice(subscription, other);
  };
}

/** What is still open is paid on its own page, or when it is tried again. */
function changeCard(call: PageCall, kind: 'works' | 'fails'): Answer {
  const { account } = call;
  const customer = account.ledger.getCustomer(sessionOf(call).customer);
  account.changeCard(customer, kind);
  return redirect(`/p/session/${call.id}`);
}

function portalPage(call: PageCall): Answer {
  const session = sessionOf(call);
  const { store } = call.account.ledger;
  const customer = call.account.ledger.getCustomer(session.customer);
  const subscription = currentOf(call);
  const card = store.cards.get(customer.id);
  const invoices = [...store.invoices.values()]
    .filter((each) => idOf(each.customer) === customer.id)
    .toReversed();
  return page(200, {
    title: 'Your subscription',
    note: 'It stands for the Stripe customer portal; no money moves.',
    main: html`<h1>Your subscription</h1>
      ${session.return_url ? wayBack(session.return_url, call) : ''}
      ${invoices.filter(({ status }) => status === 'open').map(due)}
      ${subscription ? current(subscription, call) : html`<section class="card"><p>You have no subscription.</p></section>`}
      <section class="card">
        <h2>Payment method</h2>
        <p>${card ? `Card ending in ${card.last4}${card.pays ? '' : ', which fails'}` : 'None'}</p>
        <div class="actions">
          ${button(`/p/session/${session.id}/card-works`, 'Use a card that works')}
          ${button(`/p/session/${session.id}/card-fails`, 'Use a card that fails')}
        </div>
      </section>
      <section class="card">
        <h2>Invoices</h2>
        ${invoices.length > 0 ? invoices.map(invoiceLine) : html`<p>None yet.</p>`}
      </section>`,
  });
}

/** From the list of subscriptions one comes here, too. */
function wayBack(url: string, { account }: PageCall): Html {
  const label = url === account.ledger.baseUrl ? 'Return to all subscriptions' : 'Return to the app';
  return html`<p><a href="${asLocation(url)}">${label}</a></p>`;
}

function due(invoice: Stripe.Invoice): Html {
  return html`<p class="alert" role="alert">
    ${money(invoice.amount_remaining, invoice.currency)} could not be taken.
    <a href="/i/${invoice.id}">Pay ${invoice.number ?? invoice.id}</a>
  </p>`;
}

function current(subscription: Stripe.Subscription, { account, id }: PageCall): Html {
  const { price, current_period_end: end } = itemOf(subscription);
  const other = account.ledger.otherPrice(price);
  const path = `/p/session/${id}`;
  const ends = subscription.cancel_at !== null;
  return html`<section class="card">
    <h2>${priced(price)}</h2>
    <p>
      <strong>${subscription.status}</strong
      >${`, ${ends ? 'ends' : 'renews'} ${day(subscription.cancel_at ?? end)}`}
    </p>
    <div class="actions">
      ${ends ? button(`${path}/resume`, 'Keep it after all') : button(`${path}/cancel`, 'Cancel at period end')}
      ${button(`${path}/cancel-now`, 'Cancel now')}
      ${other ? button(`${path}/to-${intervalOf(other)}`, `Switch to ${priced(other)}`) : ''}
    </div>
  </section>`;
}

function priced(price: Stripe.Price): string {
  return `${money(price.unit_amount ?? 0, price.currency)} a ${intervalOf(price)}`;
}

function invoiceLine(invoice: Stripe.Invoice): Html {
  const name = `${day(invoice.created)}, ${money(invoice.total, invoice.currency)}, ${invoice.status ?? ''}`;
  if (!invoice.hosted_invoice_url) return html`<p>${name}</p>`;
  return html`<p>
    <a href="/i/${invoice.id}">${invoice.number ?? invoice.id}</a>, ${name},
    <a href="/i/${invoice.id}/pdf">PDF</a>
  </p>`;
}
