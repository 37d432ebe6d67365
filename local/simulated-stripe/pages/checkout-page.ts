import { type PaysWith, PROMOTION_CODE } from '../account/checkouts.js';
import type { Answer } from '../http.js';
import { TAX_PERCENT } from '../objects/amounts.js';
import { intervalOf, PRO_PRODUCT_NAME } from '../objects/price.js';
import type { CheckoutOrder } from '../store.js';
import { asLocation, button, type Html, html, money, page, redirect } from './html.js';
import type { PageCall, PageRoute } from './page-route.js';

/** checkout.stripe.com: the page that `session.url` leads to. */
export const checkoutPages: PageRoute[] = [
  {
    method: 'GET',
    path: '/c/pay/:id',
    answer: (call) => checkoutPage(call.account.ledger.getOrder(call.id), call),
  },
  { method: 'POST', path: '/c/pay/:id/pay', answer: (call) => whileOpen(call, payWith('works')) },
  { method: 'POST', path: '/c/pay/:id/pay-once', answer: (call) => whileOpen(call, payWith('fails-later')) },
  { method: 'POST', path: '/c/pay/:id/unfinished', answer: (call) => whileOpen(call, payWith('unfinished')) },
  { method: 'POST', path: '/c/pay/:id/without-card', answer: (call) => whileOpen(call, payWithoutCard) },
  { method: 'POST', path: '/c/pay/:id/promotion-code', answer: (call) => whileOpen(call, applyCode) },
  { method: 'POST', path: '/c/pay/:id/decline', answer: (call) => whileOpen(call, decline) },
  { method: 'POST', path: '/c/pay/:id/cancel', answer: (call) => whileOpen(call, cancel) },
];

const NOTE = 'No card is asked for and no money moves.';

function whileOpen(call: PageCall, act: (order: CheckoutOrder, call: PageCall) => Answer): Answer {
  const order = call.account.ledger.getOrder(call.id);
  return order.session.status === 'open' ? act(order, call) : closedPage(order, call, 409);
}

function payWith(paysWith: PaysWith) {
  return (order: CheckoutOrder, { account }: PageCall): Answer => {
    account.checkouts.complete(order, paysWith);
    return redirect(successUrl(order));
  };
}

function payWithoutCard(order: CheckoutOrder, call: PageCall): Answer {
  if (needsNoCard(order)) return payWith('none')(order, call);
  return checkoutPage(order, call, 'This checkout needs a card.', 402);
}

function needsNoCard({ session, trialDays }: CheckoutOrder): boolean {
  return trialDays !== undefined && session.payment_method_collection === 'if_required';
}

function applyCode(order: CheckoutOrder, call: PageCall): Answer {
  const known = call.account.checkouts.applyPromotionCode(order, call.form.text('code') ?? '');
  return known
    ? redirect(`/c/pay/${order.session.id}`)
    : checkoutPage(order, call, 'This code is invalid.', 400);
}

function successUrl({ session }: CheckoutOrder): string {
  return asLocation((session.success_url ?? '/').replaceAll('{CHECKOUT_SESSION_ID}', session.id));
}

function decline(order: CheckoutOrder, call: PageCall): Answer {
  return checkoutPage(order, call, 'Your card was declined. Nothing was charged; you can try again.', 402);
}

function cancel({ session }: CheckoutOrder): Answer {
  return redirect(session.cancel_url ? asLocation(session.cancel_url) : `/c/pay/${session.id}`);
}

function checkoutPage(order: CheckoutOrder, call: PageCall, alert?: string, status = 200): Answer {
  const { session } = order;
  if (session.status !== 'open') return closedPage(order, call, 200);
  const path = `/c/pay/${session.id}`;
  return page(status, {
    title: `Subscribe to ${PRO_PRODUCT_NAME}`,
    note: NOTE,
    main: html`<section class="card">
      <h1>Subscribe to ${PRO_PRODUCT_NAME}</h1>
      ${alert ? html`<p class="alert" role="alert">${alert}</p>` : ''} ${summary(order, call)}
      ${session.allow_promotion_codes ? codeForm(path) : ''}
      <div class="actions">
        ${button(`${path}/pay`, 'Pay', 'main')} ${button(`${path}/decline`, 'Decline the card')}
        ${button(`${path}/pay-once`, 'Pay, with a card that fails later')}
        ${button(`${path}/unfinished`, 'Pay, and leave the bank to confirm')}
        ${needsNoCard(order) ? button(`${path}/without-card`, 'Start without a card') : ''}
        ${session.cancel_url ? button(`${path}/cancel`, 'Cancel and go back') : ''}
      </div>
    </section>`,
  });
}

function codeForm(path: string): Html {
  return html`<form class="actions" method="post" action="${`${path}/promotion-code`}">
    <label>Promotion code <input name="code" placeholder="${PROMOTION_CODE}" autocomplete="off" /></label>
    <button type="submit">Apply</button>
  </form>`;
}

function closedPage(order: CheckoutOrder, call: PageCall, status: number): Answer {
  const paid = order.session.status === 'complete';
  const title = paid ? 'Already paid' : 'This checkout has expired';
  const advice = paid
    ? 'This checkout was paid and cannot be paid again.'
    : 'It cannot be paid any more. Start again from the app.';
  return page(status, {
    title,
    note: NOTE,
    main: html`<section class="card">
      <h1>${title}</h1>
      <p role="status">${advice}</p>
      ${paid ? html`<p><a href="${successUrl(order)}">Go on to the app</a></p>` : ''} ${summary(order, call)}
    </section>`,
  });
}

/** The price as it will be after a trial. */
function summary(order: CheckoutOrder, { account }: PageCall): Html {
  const { session, quantity, trialDays } = order;
  const currency = session.currency ?? 'usd';
  const email = session.customer_email ?? session.customer_details?.email;
  const { discount, tax, total } = account.checkouts.priceOf(order);
  const interval = intervalOf(account.ledger.getPrice(order.priceId));
  return html`${trialDays ? html`<p><strong>${trialDays} days free</strong>, nothing is due today. Then:</p>` : ''}
    <p class="price">${money(total, currency)}</p>
    <p>a ${interval}${quantity > 1 ? ` for ${quantity}` : ''}</p>
    ${discount > 0 ? html`<p>Promotion code: ${money(-discount, currency)} the first time</p>` : ''}
    ${tax > 0 ? html`<p>Includes ${money(tax, currency)} tax (${TAX_PERCENT} %)</p>` : ''}
    ${email ? html`<p>${email}</p>` : ''}`;
}
