import type { Answer } from '../http.js';
import { PRO_PRODUCT_NAME } from '../objects/price.js';
import type { CheckoutOrder } from '../store.js';
import { button, type Html, html, money, page, redirect } from './html.js';
import type { PageCall, PageRoute } from './page-route.js';

/** checkout.stripe.com: the page that `session.url` leads to. */
export const checkoutPages: PageRoute[] = [
  { method: 'GET', path: '/c/pay/:id', answer: ({ account, id }) => checkoutPage(account.getOrder(id)) },
  { method: 'POST', path: '/c/pay/:id/pay', answer: (call) => whileOpen(call, pay) },
  { method: 'POST', path: '/c/pay/:id/decline', answer: (call) => whileOpen(call, decline) },
  { method: 'POST', path: '/c/pay/:id/cancel', answer: (call) => whileOpen(call, cancel) },
];

const NOTE = 'No card is asked for and no money moves.';

function whileOpen(call: PageCall, act: (order: CheckoutOrder, call: PageCall) => Answer): Answer {
  const order = call.account.getOrder(call.id);
  return order.session.status === 'open' ? act(order, call) : closedPage(order, 409);
}

function pay(order: CheckoutOrder, { account }: PageCall): Answer {
  account.pay(order);
  return redirect(successUrl(order));
}

function successUrl({ session }: CheckoutOrder): string {
  return asLocation((session.success_url ?? '/').replaceAll('{CHECKOUT_SESSION_ID}', session.id));
}

function decline(order: CheckoutOrder): Answer {
  return checkoutPage(order, 'Your card was declined. Nothing was charged; you can try again.', 402);
}

function cancel({ session }: CheckoutOrder): Answer {
  return redirect(session.cancel_url ? asLocation(session.cancel_url) : `/c/pay/${session.id}`);
}

/** Percent-encoded, as a header has to be. */
function asLocation(url: string): string {
  return URL.canParse(url) ? new URL(url).href : '/';
}

function checkoutPage(order: CheckoutOrder, alert?: string, status = 200): Answer {
  const { session } = order;
  if (session.status !== 'open') return closedPage(order, 200);
  const path = `/c/pay/${session.id}`;
  return page(status, {
    title: `Subscribe to ${PRO_PRODUCT_NAME}`,
    note: NOTE,
    main: html`<section class="card">
      <h1>Subscribe to ${PRO_PRODUCT_NAME}</h1>
      ${alert ? html`<p class="alert" role="alert">${alert}</p>` : ''} ${summary(order)}
      <div class="actions">
        ${button(`${path}/pay`, 'Pay', 'main')} ${button(`${path}/decline`, 'Decline the card')}
        ${session.cancel_url ? button(`${path}/cancel`, 'Cancel and go back') : ''}
      </div>
    </section>`,
  });
}

function closedPage(order: CheckoutOrder, status: number): Answer {
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
      ${paid ? html`<p><a href="${successUrl(order)}">Go on to the app</a></p>` : ''} ${summary(order)}
    </section>`,
  });
}

function summary({ session, quantity }: CheckoutOrder): Html {
  const email = session.customer_email ?? session.customer_details?.email;
  return html`<p class="price">${money(session.amount_total ?? 0, session.currency ?? 'usd')}</p>
    <p>a month${quantity > 1 ? ` for ${quantity}` : ''}</p>
    ${email ? html`<p>${email}</p>` : ''}`;
}
