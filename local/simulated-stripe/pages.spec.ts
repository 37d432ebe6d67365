import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import type { SimulatedStripe } from './simulated-stripe.js';
import { closeAll, press, PRICE, receiveWebhooks, sdkFor, startFor, subscribe } from './spec-support.js';
import { typesOf, until, type WebhookReceiver } from './spec-support.js';

let receiver: WebhookReceiver;
let simulated: SimulatedStripe;
let stripe: Stripe;

beforeEach(async () => {
  receiver = await receiveWebhooks();
  simulated = await startFor(receiver);
  stripe = sdkFor(simulated);
});

afterEach(closeAll);

const read = async (url: string) => (await fetch(url)).text();

describe('the customer portal', () => {
  let subscription: Stripe.Subscription;
  let url: string;

  beforeEach(async () => {
    subscription = await subscribe(stripe);
    const customer = subscription.customer as string;
    const return_url = 'https://app.example/account?a=1&b=2';
    url = (await stripe.billingPortal.sessions.create({ customer, return_url })).url;
  });

  const now = () => stripe.subscriptions.retrieve(subscription.id);

  it('shows what is paid for, the invoices, and the way back', async () => {
    const shown = await read(url);
    for (const text of ['$9.99 a month', 'renews 20', 'ending in 4242', 'SIM-0001', '/pdf'])
      expect(shown).toContain(text);
    expect(shown).toContain('href="https://app.example/account?a=1&amp;b=2"');
  });

  it('cancels at the period’s end, resumes, and cancels now', async () => {
    await press(url, 'cancel');
    expect((await now()).cancel_at).toBe(subscription.items.data[0]?.current_period_end);
    expect(await read(url)).toContain('Keep it after all');
    await press(url, 'resume');
    expect((await now()).cancel_at).toBeNull();
    await press(url, 'cancel-now');
    expect((await now()).status).toBe('canceled');
    expect(await read(url)).toContain('You have no subscription');
  });

  it('switches between a month and a year', async () => {
    // Twice, as by a double click: the second one must not switch back.
    for (let n = 0; n < 2; n += 1) await press(url, 'to-year');
    expect((await now()).items.data[0]?.price.recurring?.interval).toBe('year');
    expect(await read(url)).toContain('$99.90 a year');
    await press(url, 'to-month');
    expect((await now()).items.data[0]?.price.id).toBe(PRICE);
    const { balance } = (await stripe.customers.retrieve(subscription.customer as string)) as Stripe.Customer;
    expect(balance).toBeLessThan(0);
  });

  it('changes the card, and the invoice that failed can be paid', async () => {
    await press(url, 'card-fails');
    simulated.advance({ days: 32 });
    expect((await now()).status).toBe('past_due');
    const invoice = `${simulated.url}/i/${(await now()).latest_invoice as string}`;
    // The portal says that something is to be paid and where, and the refused payment how to go on.
    const isDue = '$9.99 could not be taken';
    expect(await read(url)).toContain(isDue);
    expect(await read(url)).toContain(`<a href="${new URL(invoice).pathname}">Pay SIM-`);
    const refused = await press(invoice, 'pay');
    expect(refused.status).toBe(402);
    expect(await refused.text()).toContain(`/customers/${subscription.customer as string}/portal`);
    await press(url, 'card-works');
    expect((await press(invoice, 'pay')).status).toBe(303);
    expect((await now()).status).toBe('active');
    expect(await read(url)).not.toContain(isDue);
    expect(await read(invoice)).toContain('Status: paid');
  });

  it('is there for whom it was opened alone', async () => {
    expect((await fetch(`${simulated.url}/p/session/bps_nope`)).status).toBe(404);
    const opened = await press(`${simulated.url}/customers/${subscription.customer as string}`, 'portal');
    expect(opened.headers.get('location')).toMatch(`${simulated.url}/p/session/bps_`);
    expect(await read(opened.headers.get('location') ?? '')).toContain('Return to all subscriptions');
  });
});

it('an invoice is a PDF whose parts are where it says they are', async () => {
  const { latest_invoice } = await subscribe(stripe);
  const { invoice_pdf } = await stripe.invoices.retrieve(latest_invoice as string);
  const response = await fetch(invoice_pdf ?? '');
  expect(response.headers.get('content-type')).toBe('application/pdf');
  const file = await response.text();
  expect(file).toMatch(/^%PDF-1\.4\n/);
  expect(file).toContain('(Total: $9.99) Tj');
  const table = Number(/startxref\n(\d+)\n%%EOF/.exec(file)?.[1]);
  expect(file.slice(table)).toMatch(/^xref\n0 6\n/);
  const offsets = [...file.slice(table).matchAll(/^(\d{10}) 00000 n /gm)].map(([, offset]) => Number(offset));
  expect(offsets.map((offset) => file.slice(offset).split('\n', 1)[0])).toEqual(
    [1, 2, 3, 4, 5].map((id) => `${id} 0 obj`),
  );
});

it('Checkout shows a trial, the interval, the tax, and what a promotion code takes off', async () => {
  const { id: customer } = await stripe.customers.create();
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription',
    customer,
    line_items: [{ price: 'price_simulated_pro_yearly' }],
    success_url: 'https://app.example/done',
    allow_promotion_codes: true,
    automatic_tax: { enabled: true },
    customer_update: { address: 'auto' },
  });
  const url = session.url ?? '';
  for (const text of ['$109.89', 'a year', '$9.99 tax', 'Promotion code'])
    expect(await read(url)).toContain(text);
  const apply = (code: string) =>
    fetch(`${url}/promotion-code`, {
      method: 'POST',
      body: new URLSearchParams({ code }),
      redirect: 'manual',
    });
  expect((await apply('<nope>')).status).toBe(400);
  expect((await apply('welcome20')).status).toBe(303);
  expect(await read(url)).toContain('$87.91');
  await press(url, 'pay');
  expect(await stripe.checkout.sessions.retrieve(session.id)).toMatchObject({
    amount_total: 8791,
    total_details: { amount_discount: 1998, amount_tax: 799 },
    discounts: [{ promotion_code: expect.stringMatching(/^promo_/) }],
  });
  const [invoice] = (await stripe.invoices.list({ customer })).data;
  expect(invoice).toMatchObject({ total: 8791, total_taxes: [{ amount: 799, taxable_amount: 7992 }] });
});

describe('the controls over HTTP', () => {
  const control = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${simulated.url}/_control/${path}`, { method: 'POST', headers, redirect: 'manual' });

  it('move the clock, from a button too', async () => {
    const before = simulated.now();
    expect(await (await control('advance?days=2')).json()).toEqual({ now: simulated.now() });
    expect(simulated.now() - before).toBeGreaterThanOrEqual(2 * 86_400);
    expect((await control('advance?days=1', { accept: 'text/html' })).headers.get('location')).toBe('/');
    expect(await read(simulated.url)).toContain(new Date(simulated.now() * 1000).toISOString().slice(0, 10));
    expect((await control('advance?days=-1')).status).toBe(400);
    expect((await control('constructor')).status).toBe(404);
  });

  it('set the status, the card and what comes of it', async () => {
    const { id, customer } = await subscribe(stripe);
    await control('dunning?retry_days=1&then=unpaid');
    await control(`card?customer=${customer as string}&card=fails`);
    await control('advance?days=33');
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('unpaid');
    await control(`status?subscription=${id}&status=paused`);
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('paused');
    expect(simulated.events.at(-1)?.type).toBe('customer.subscription.paused');
  });

  it('make the API fail and heal', async () => {
    await control('fail?status=429&times=9&path=customers&method=POST');
    await control('fail?close=before&times=2&path=prices');
    await expect(stripe.customers.create()).rejects.toMatchObject({ statusCode: 429 });
    await expect(stripe.prices.retrieve(PRICE)).rejects.toMatchObject({ type: 'StripeConnectionError' });
    await control('heal');
    await stripe.customers.create();
  });

  it('lose, send and count webhooks', async () => {
    await control('webhooks?mode=lose');
    await subscribe(stripe);
    await control('webhooks?mode=send');
    const [first] = simulated.events;
    expect(await (await control(`deliver?events=${first?.id ?? ''}&times=2`)).json()).toEqual({
      statuses: [200, 200],
    });
    await control('webhooks?copies=2&spread_ms=10');
    simulated.cancelSubscription((await stripe.subscriptions.list()).data[0]?.id ?? '');
    await until(() => receiver.received.length === 4);
    expect(typesOf(receiver.received)).toEqual([
      ...Array<string>(2).fill('customer.subscription.created'),
      ...Array<string>(2).fill('customer.subscription.deleted'),
    ]);
    const state = (await (await fetch(`${simulated.url}/_control/state`)).json()) as { events: unknown[] };
    expect(state.events[0]).toEqual({ id: first?.id, type: first?.type, tries: 2, taken: 2 });
  });
});
