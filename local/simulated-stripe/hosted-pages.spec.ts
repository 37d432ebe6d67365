import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import type { SimulatedStripe } from './simulated-stripe.js';
import {
  closeAll,
  openCheckout,
  press,
  receiveWebhooks,
  sdkFor,
  startFor,
  subscribe,
} from './spec-support.js';
import { typesOf, type WebhookReceiver } from './spec-support.js';

const NASTY = `"><script>alert('x')</script>&`;

let receiver: WebhookReceiver;
let simulated: SimulatedStripe;
let stripe: Stripe;

beforeEach(async () => {
  receiver = await receiveWebhooks();
  simulated = await startFor(receiver);
  stripe = sdkFor(simulated);
});

afterEach(closeAll);

async function aSession(): Promise<{ url: string; id: string; customer: string }> {
  const customer = await stripe.customers.create({ email: 'ada@example.com' });
  const { url, id } = await openCheckout(stripe, customer.id);
  return { url: url ?? '', id, customer: customer.id };
}

it('the page shows what is bought, that it is a simulation, and a form for each button', async () => {
  const { url, id } = await aSession();
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const page = await response.text();
  for (const shown of ['Pro', '$9.99', 'This is a simulation', 'no money moves'])
    expect(page).toContain(shown);
  for (const action of ['pay', 'decline', 'cancel'])
    expect(page).toContain(`action="/c/pay/${id}/${action}"`);
});

it('a declined card makes nothing, and the session can still be paid', async () => {
  const { url, id, customer } = await aSession();
  const declined = await press(url, 'decline');
  expect(declined.status).toBe(402);
  expect(await declined.text()).toContain('Your card was declined');
  expect(await stripe.checkout.sessions.retrieve(id)).toMatchObject({
    status: 'open',
    payment_status: 'unpaid',
  });
  expect((await stripe.subscriptions.list({ customer, status: 'all' })).data).toEqual([]);
  expect(simulated.events).toEqual([]);
  expect((await press(url, 'pay')).status).toBe(303);
});

it('cancelling goes back to the app and leaves the session open', async () => {
  const { url, id } = await aSession();
  const cancelled = await press(url, 'cancel');
  expect(cancelled.status).toBe(303);
  expect(cancelled.headers.get('location')).toBe('https://app.example/billing');
  expect((await stripe.checkout.sessions.retrieve(id)).status).toBe('open');
});

it('a paid session says so and is not paid twice', async () => {
  const { url, id, customer } = await aSession();
  await press(url, 'pay');
  const again = await press(url, 'pay');
  expect(again.status).toBe(409);
  const page = await again.text();
  expect(page).toContain('Already paid');
  expect(page).toContain(`href="https://app.example/billing?session=${id}"`);
  expect(await (await fetch(url)).text()).toContain('Already paid');
  expect((await stripe.subscriptions.list({ customer, status: 'all' })).data).toHaveLength(1);
});

it('an expired session says so and cannot be paid', async () => {
  const { url, id } = await aSession();
  await stripe.checkout.sessions.expire(id);
  expect((await press(url, 'pay')).status).toBe(409);
  expect(await (await fetch(url)).text()).toContain('has expired');
  expect(typesOf(simulated.events)).toEqual(['checkout.session.expired']);
});

it('someone without a customer yet becomes one by paying', async () => {
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription',
    customer_email: 'new@example.com',
    line_items: [{ price: 'price_pro', quantity: 2 }],
    success_url: 'https://app.example/done',
  });
  await press(session.url ?? '', 'pay');
  const paid = await stripe.checkout.sessions.retrieve(session.id);
  expect(paid).toMatchObject({ amount_total: 1998, customer_details: { email: 'new@example.com' } });
  expect(await stripe.customers.retrieve(paid.customer as string)).toMatchObject({
    email: 'new@example.com',
  });
});

it('whatever a person is called, it is text in the pages', async () => {
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription',
    customer_email: NASTY,
    line_items: [{ price: 'price_pro' }],
    success_url: 'https://app.example/done',
  });
  const pages = [await (await fetch(session.url ?? '')).text()];
  await press(session.url ?? '', 'pay');
  pages.push(await (await fetch(simulated.url)).text());
  pages.push(await (await fetch(`${simulated.url}/c/pay/${encodeURIComponent(NASTY)}`)).text());
  for (const page of pages) expect(page).not.toContain('<script');
  expect(pages[0]).toContain('&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;');
  expect(pages[1]).toContain('&lt;script&gt;');
});

it('subscriptions can be cancelled from the index page, at the period end or now', async () => {
  const { id } = await subscribe(stripe, 'ada@example.com');
  const index = () => fetch(simulated.url).then((response) => response.text());
  expect(await index()).toContain('ada@example.com');
  expect(await index()).toContain('customer portal');

  const subscription = `${simulated.url}/subscriptions/${id}`;
  expect((await press(subscription, 'cancel-at-period-end')).headers.get('location')).toBe('/');
  const cancelled = await stripe.subscriptions.retrieve(id);
  expect(cancelled).toMatchObject({
    cancel_at: cancelled.items.data[0]?.current_period_end,
    cancel_at_period_end: false,
  });
  expect(await index()).toContain('ends 20');
  await press(subscription, 'keep');
  expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ cancel_at: null, canceled_at: null });
  await stripe.subscriptions.update(id, { cancel_at_period_end: true });
  await press(subscription, 'keep');
  expect(await stripe.subscriptions.retrieve(id)).toMatchObject({
    cancel_at: null,
    cancel_at_period_end: false,
  });
  await press(subscription, 'cancel-now');
  expect((await stripe.subscriptions.retrieve(id)).status).toBe('canceled');
  expect((await press(subscription, 'cancel-now')).status).toBe(404);
  expect(await index()).not.toContain(`${id}/`);
  expect(typesOf(simulated.events.slice(3))).toEqual([
    ...Array<string>(4).fill('customer.subscription.updated'),
    'customer.subscription.deleted',
  ]);
});

it('a page that does not exist is a 404', async () => {
  expect((await fetch(`${simulated.url}/c/pay/cs_test_nope`)).status).toBe(404);
  expect((await fetch(`${simulated.url}/favicon.ico`)).status).toBe(404);
});
