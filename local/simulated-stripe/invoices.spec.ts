import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import type { SimulatedStripe } from './simulated-stripe.js';
import { closeAll, openCheckout, receiveWebhooks, sdkFor, startFor, subscribe } from './spec-support.js';
import { typesOf } from './spec-support.js';

let simulated: SimulatedStripe;
let stripe: Stripe;

beforeEach(async () => {
  simulated = await startFor(await receiveWebhooks());
  stripe = sdkFor(simulated);
});

afterEach(closeAll);

it('the payment of a subscription is found by its latest invoice, and refunded', async () => {
  const { id } = await subscribe(stripe);
  const { latest_invoice } = await stripe.subscriptions.retrieve(id, {
    expand: ['latest_invoice.payments'],
  });
  const invoice = latest_invoice as Stripe.Invoice;
  expect(invoice).toMatchObject({
    status: 'paid',
    number: 'SIM-0001',
    amount_paid: 999,
    hosted_invoice_url: `${simulated.url}/i/${invoice.id}`,
    invoice_pdf: `${simulated.url}/i/${invoice.id}/pdf`,
    parent: { subscription_details: { subscription: id } },
  });
  const { data } = await stripe.invoicePayments.list({ invoice: invoice.id, status: 'paid' });
  expect(data).toEqual(invoice.payments?.data);
  const intent = data[0]?.payment.payment_intent as string;

  const part = await stripe.refunds.create({ payment_intent: intent, amount: 99 });
  const rest = await stripe.refunds.create({ payment_intent: intent, reason: 'duplicate' });
  expect([part.amount, rest.amount]).toEqual([99, 900]);
  expect((await stripe.refunds.list({ payment_intent: intent })).data).toHaveLength(2);
  expect(typesOf(simulated.events.slice(3))).toEqual([
    'charge.refunded',
    'refund.created',
    'charge.refunded',
    'refund.created',
  ]);
  expect(simulated.events[5]?.data.object).toMatchObject({ refunded: true, amount_refunded: 999 });
  await expect(stripe.refunds.create({ payment_intent: intent })).rejects.toMatchObject({
    statusCode: 400,
    code: 'charge_already_refunded',
  });
  await expect(stripe.refunds.create({ payment_intent: 'pi_nope' })).rejects.toMatchObject({
    code: 'resource_missing',
  });
});

it('invoices are listed by subscription and customer, page by page, forward and back', async () => {
  const subscription = await subscribe(stripe);
  await subscribe(stripe, 'eve@example.com');
  simulated.advance({ days: 95 });
  const all = await stripe.invoices.list({ subscription: subscription.id });
  expect(all.data.map(({ billing_reason }) => billing_reason)).toEqual([
    'subscription_cycle',
    'subscription_cycle',
    'subscription_cycle',
    'subscription_create',
  ]);
  const ids = all.data.map(({ id }) => id);
  const customer = subscription.customer as string;
  const first = await stripe.invoices.list({ customer, limit: 3 });
  expect(first).toMatchObject({ has_more: true, data: ids.slice(0, 3).map((id) => ({ id })) });
  const next = await stripe.invoices.list({ customer, limit: 3, starting_after: ids[2] ?? '' });
  expect(next).toMatchObject({ has_more: false, data: [{ id: ids[3] }] });
  const back = await stripe.invoices.list({ customer, limit: 2, ending_before: ids[3] ?? '' });
  expect(back).toMatchObject({ has_more: true, data: ids.slice(1, 3).map((id) => ({ id })) });
  const created = all.data[1]?.created ?? 0;
  const newer = await stripe.invoices.list({ customer, created: { gt: created } });
  expect(newer.data.map(({ id }) => id)).toEqual(ids.slice(0, 1));
  await expect(stripe.invoices.list({ starting_after: 'in_nope' })).rejects.toMatchObject({
    code: 'resource_missing',
  });
  await expect(stripe.invoices.retrieve('in_nope')).rejects.toMatchObject({ statusCode: 404 });
});

it('another price is asked for at once, less what was not used of the old one', async () => {
  const { id, items } = await subscribe(stripe);
  const item = items.data[0];
  const length = (item?.current_period_end ?? 0) - (item?.current_period_start ?? 0);
  simulated.advance({ seconds: Math.floor(length / 2) });
  const changed = await stripe.subscriptions.update(id, {
    items: [{ id: item?.id ?? '', price: 'price_simulated_pro_yearly' }],
    proration_behavior: 'always_invoice',
    expand: ['latest_invoice'],
  });
  expect(changed.items.data[0]).toMatchObject({
    price: { recurring: { interval: 'year' }, unit_amount: 9990 },
  });
  const invoice = changed.latest_invoice as Stripe.Invoice;
  expect(invoice).toMatchObject({ status: 'paid', total: 9990, billing_reason: 'subscription_update' });
  expect(invoice.amount_paid).toBeGreaterThan(9400);
  expect(invoice.amount_paid).toBeLessThan(9600);
  const wrong = stripe.subscriptions.update(id, { items: [{ price: 'price_simulated_pro_yearly' }] });
  await expect(wrong).rejects.toMatchObject({ statusCode: 400 });
});

it('what is cancelled with its proration becomes a credit', async () => {
  const { id, customer } = await subscribe(stripe);
  await stripe.subscriptions.cancel(id, { invoice_now: true, prorate: true });
  const { balance } = (await stripe.customers.retrieve(customer as string)) as Stripe.Customer;
  expect(balance).toBeLessThan(-900);
});

describe('what a checkout may ask for', () => {
  it('a trial, a tax and a promotion code', async () => {
    const { id: customer } = await stripe.customers.create();
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      customer,
      line_items: [{ price: 'price_simulated_pro_yearly' }],
      success_url: 'https://app.example/done',
      allow_promotion_codes: true,
      automatic_tax: { enabled: true },
      customer_update: { address: 'auto' },
      expires_at: simulated.now() + 3600,
      subscription_data: { trial_period_days: 7, metadata: { userId: 'user-1' } },
      expand: ['line_items', 'customer'],
    });
    expect(session).toMatchObject({
      amount_total: 0,
      allow_promotion_codes: true,
      automatic_tax: { enabled: true },
      customer: { id: customer },
      line_items: { data: [{ price: { recurring: { interval: 'year' } } }] },
    });
    expect(session.expires_at - session.created).toBeLessThanOrEqual(3600);

    simulated.advance({ seconds: 3601 });
    const { status, url } = await stripe.checkout.sessions.retrieve(session.id);
    expect({ status, url }).toEqual({ status: 'expired', url: null });
  });

  it('not: an expiry that is too near, a tax without an address', async () => {
    const terms = {
      mode: 'subscription',
      customer: (await stripe.customers.create()).id,
      line_items: [{ price: 'price_pro' }],
      success_url: 'https://app.example/done',
    } satisfies Stripe.Checkout.SessionCreateParams;
    const soon = stripe.checkout.sessions.create({ ...terms, expires_at: simulated.now() + 60 });
    await expect(soon).rejects.toMatchObject({ param: 'expires_at' });
    const taxed = stripe.checkout.sessions.create({ ...terms, automatic_tax: { enabled: true } });
    await expect(taxed).rejects.toMatchObject({ code: 'customer_tax_location_invalid' });
  });
});

it('a deleted customer keeps a history, and can buy nothing', async () => {
  const { id, customer } = await subscribe(stripe);
  const deleted = await stripe.customers.del(customer as string);
  expect(deleted).toMatchObject({ id: customer, deleted: true });
  expect(await stripe.customers.retrieve(customer as string)).toMatchObject({ deleted: true });
  const { data } = await stripe.subscriptions.list({ customer: customer as string, status: 'all' });
  expect(data).toMatchObject([{ id, status: 'canceled' }]);
  expect(typesOf(simulated.events.slice(3))).toEqual(['customer.subscription.deleted', 'customer.deleted']);
  await expect(openCheckout(stripe, customer as string)).rejects.toMatchObject({ code: 'resource_missing' });
  expect((await stripe.customers.list()).data).toEqual([]);
});

it('events can be asked for when their webhooks were lost', async () => {
  simulated.setWebhooks('lose');
  await subscribe(stripe);
  const lost = await stripe.events.list({ delivery_success: false, types: ['invoice.paid'] });
  expect(typesOf(lost.data)).toEqual(['invoice.paid']);
  const { data } = await stripe.events.list({ type: 'customer.*' });
  expect(typesOf(data)).toEqual(['customer.subscription.created']);
  expect(await stripe.events.retrieve(data[0]?.id ?? '')).toEqual(data[0]);
  await expect(stripe.events.retrieve('evt_nope')).rejects.toMatchObject({ statusCode: 404 });
});

it('what cannot be expanded is refused', async () => {
  const { id } = await subscribe(stripe);
  const wrong = stripe.subscriptions.retrieve(id, { expand: ['moon'] });
  await expect(wrong).rejects.toMatchObject({ statusCode: 400, param: 'expand' });
  const { data } = await stripe.subscriptions.list({ expand: ['data.customer', 'data.latest_invoice'] });
  expect(data[0]?.customer).toMatchObject({ email: 'ada@example.com' });
  expect(data[0]?.latest_invoice).toMatchObject({ status: 'paid' });
});
