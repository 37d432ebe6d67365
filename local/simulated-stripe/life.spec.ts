import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import type { SimulatedStripe } from './simulated-stripe.js';
import { closeAll, press, receiveWebhooks, sdkFor, startFor, subscribe } from './spec-support.js';
import { typesOf } from './spec-support.js';

const DAY = 24 * 60 * 60;

let simulated: SimulatedStripe;
let stripe: Stripe;

beforeEach(async () => {
  simulated = await startFor(await receiveWebhooks());
  simulated.holdWebhooks(true);
  stripe = sdkFor(simulated);
});

afterEach(closeAll);

/** Checks out with these terms and presses the button; what was told of it comes before `seen`. */
async function begin(
  button: string,
  more: Partial<Stripe.Checkout.SessionCreateParams> = {},
): Promise<{ subscription: Stripe.Subscription; session: string }> {
  const { id: customer } = await stripe.customers.create();
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription',
    customer,
    line_items: [{ price: 'price_pro' }],
    success_url: 'https://app.example/done',
    ...more,
  });
  expect((await press(session.url ?? '', button)).status).toBe(303);
  const { data } = await stripe.subscriptions.list({ customer });
  if (!data[0]) throw new Error('there is no subscription');
  return { subscription: data[0], session: session.id };
}

const statusOf = async (id: string) => (await stripe.subscriptions.retrieve(id)).status;
const eventsSince = (seen: number) => typesOf(simulated.events.slice(seen));

it('a period that ends begins the next one and is paid for', async () => {
  const { id, items } = await subscribe(stripe);
  const end = items.data[0]?.current_period_end ?? 0;
  simulated.advance({ seconds: end - simulated.now() - 60 });
  expect(simulated.events).toHaveLength(3);
  simulated.advance({ seconds: 60 });
  const renewed = await stripe.subscriptions.retrieve(id, { expand: ['latest_invoice'] });
  expect(renewed.status).toBe('active');
  expect(renewed.items.data[0]?.current_period_start).toBe(end);
  expect(renewed.latest_invoice).toMatchObject({ status: 'paid', amount_paid: 999, created: end });
  expect(eventsSince(3)).toEqual([
    'invoice.created',
    'invoice.finalized',
    'customer.subscription.updated',
    'invoice.paid',
  ]);
  expect(simulated.events.slice(3).map(({ created }) => created)).toEqual(Array(4).fill(end));
  expect(simulated.events[5]?.data.previous_attributes).toHaveProperty('items');
});

it('whoever began on the 31st pays on the last day of the month', async () => {
  const start = Math.floor(Date.UTC(2032, 0, 31, 12) / 1000);
  simulated.advance({ seconds: start - simulated.now() });
  await subscribe(stripe);
  simulated.advance({ days: 75 });
  const { data } = await stripe.invoices.list();
  const days = data.map(({ created }) => new Date(created * 1000).toISOString().slice(5, 10));
  expect(days).toEqual(['03-31', '02-29', '01-31']);
});

it('what is cancelled at the period’s end ends then, and not before', async () => {
  const { id, items } = await subscribe(stripe);
  await stripe.subscriptions.update(id, { cancel_at_period_end: true });
  const end = items.data[0]?.current_period_end ?? 0;
  simulated.advance({ seconds: end - simulated.now() - 60 });
  expect(await statusOf(id)).toBe('active');
  simulated.advance({ days: 2 });
  expect(await stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'canceled', ended_at: end });
  expect(eventsSince(4)).toEqual(['customer.subscription.deleted']);
});

describe('a card that fails at the renewal', () => {
  it('makes past_due, is tried again, and ends the subscription', async () => {
    const { subscription } = await begin('pay-once');
    const end = subscription.items.data[0]?.current_period_end ?? 0;
    simulated.advance({ seconds: end - simulated.now() });
    expect(await statusOf(subscription.id)).toBe('past_due');
    const [invoice] = (await stripe.invoices.list({ subscription: subscription.id })).data;
    expect(invoice).toMatchObject({ status: 'open', attempt_count: 1, next_payment_attempt: end + 3 * DAY });
    expect(eventsSince(3)).toEqual([
      'invoice.created',
      'invoice.finalized',
      'customer.subscription.updated',
      'invoice.payment_failed',
      'customer.subscription.updated',
    ]);
    simulated.advance({ days: 5 });
    expect(await statusOf(subscription.id)).toBe('past_due');
    expect(eventsSince(8)).toEqual(['invoice.payment_failed', 'invoice.payment_failed']);
    simulated.advance({ days: 2 });
    expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
      status: 'canceled',
      cancellation_details: { reason: 'payment_failed' },
    });
    expect(eventsSince(10)).toEqual(['invoice.payment_failed', 'customer.subscription.deleted']);
  });

  it('may end as unpaid, and is billed on but not asked any more', async () => {
    simulated.setDunning({ retryDays: [1], then: 'unpaid' });
    const { subscription } = await begin('pay-once');
    simulated.advance({ days: 33 });
    expect(await statusOf(subscription.id)).toBe('unpaid');
    simulated.advance({ days: 31 });
    const { data } = await stripe.invoices.list({ subscription: subscription.id });
    expect(data.map(({ status }) => status)).toEqual(['draft', 'open', 'paid']);
  });

  it('is forgotten when another card pays', async () => {
    const { subscription } = await begin('pay-once');
    simulated.advance({ days: 32 });
    const [invoice] = (await stripe.invoices.list({ subscription: subscription.id })).data;
    const declined = stripe.invoices.pay(invoice?.id ?? '');
    await expect(declined).rejects.toMatchObject({ type: 'StripeCardError', statusCode: 402 });
    simulated.setCard(subscription.customer as string, 'works');
    expect(await stripe.invoices.pay(invoice?.id ?? '')).toMatchObject({ status: 'paid', attempt_count: 3 });
    expect(await statusOf(subscription.id)).toBe('active');
    expect(eventsSince(simulated.events.length - 2)).toEqual([
      'invoice.paid',
      'customer.subscription.updated',
    ]);
  });
});

describe('a trial', () => {
  const trial = { subscription_data: { trial_period_days: 10 } };

  it('costs nothing, is reminded of, and is then paid for', async () => {
    const { subscription, session } = await begin('pay', trial);
    expect(subscription).toMatchObject({ status: 'trialing', trial_end: subscription.created + 10 * DAY });
    expect(await stripe.checkout.sessions.retrieve(session)).toMatchObject({
      payment_status: 'no_payment_required',
      amount_total: 0,
    });
    simulated.advance({ days: 8 });
    expect(eventsSince(3)).toEqual(['customer.subscription.trial_will_end']);
    expect(simulated.events[3]?.created).toBe(subscription.created + 7 * DAY);
    simulated.advance({ days: 3 });
    const begun = await stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
    expect(begun).toMatchObject({ status: 'active', latest_invoice: { amount_paid: 999 } });
    expect(begun.items.data[0]?.current_period_start).toBe(subscription.trial_end);
  });

  it('that ends with a card that fails is past_due', async () => {
    const { subscription } = await begin('pay-once', trial);
    simulated.advance({ days: 11 });
    expect(await statusOf(subscription.id)).toBe('past_due');
  });

  it.each([
    ['pause', 'paused'],
    ['cancel', 'canceled'],
    ['create_invoice', 'past_due'],
  ] as const)('without a card ends as asked for: %s is %s', async (missing_payment_method, status) => {
    const { subscription } = await begin('without-card', {
      payment_method_collection: 'if_required',
      subscription_data: {
        trial_period_days: 10,
        trial_settings: { end_behavior: { missing_payment_method } },
      },
    });
    simulated.advance({ days: 11 });
    expect(await statusOf(subscription.id)).toBe(status);
  });
});

describe('a first payment that the bank has not confirmed', () => {
  it('is incomplete, and expires after 23 hours', async () => {
    const { subscription, session } = await begin('unfinished');
    expect(subscription.status).toBe('incomplete');
    expect(await stripe.checkout.sessions.retrieve(session)).toMatchObject({
      status: 'complete',
      payment_status: 'unpaid',
    });
    expect(eventsSince(0)).toEqual(['customer.subscription.created', 'checkout.session.completed']);
    simulated.advance({ seconds: 23 * 3600 });
    expect(await statusOf(subscription.id)).toBe('incomplete_expired');
    expect(eventsSince(2)).toEqual(['customer.subscription.updated', 'invoice.voided']);
  });

  it('is active once it is paid', async () => {
    const { subscription, session } = await begin('unfinished');
    await stripe.invoices.pay(subscription.latest_invoice as string);
    expect(await statusOf(subscription.id)).toBe('active');
    expect((await stripe.checkout.sessions.retrieve(session)).payment_status).toBe('paid');
    expect(eventsSince(2)).toEqual([
      'invoice.paid',
      'customer.subscription.updated',
      'checkout.session.async_payment_succeeded',
    ]);
  });
});

it('what is paused can be resumed, and is paid for from then on', async () => {
  const { id } = await subscribe(stripe);
  await expect(stripe.subscriptions.resume(id)).rejects.toMatchObject({ statusCode: 400 });
  simulated.setStatus(id, 'paused');
  simulated.advance({ days: 90 });
  const resumed = await stripe.subscriptions.resume(id, { expand: ['latest_invoice'] });
  expect(resumed).toMatchObject({ status: 'active', latest_invoice: { status: 'paid', amount_paid: 999 } });
  expect(resumed.items.data[0]?.current_period_end).toBeGreaterThan(simulated.now() + 27 * DAY);
  expect(eventsSince(3)).toContain('customer.subscription.resumed');
});

it('any status can be set, also one that does not exist yet', async () => {
  const { id } = await subscribe(stripe);
  simulated.setStatus(id, 'on_the_moon');
  expect(await statusOf(id)).toBe('on_the_moon');
  expect(simulated.events.at(-1)?.data.previous_attributes).toEqual({ status: 'active' });
  simulated.advance({ days: 400 });
  expect(await statusOf(id)).toBe('on_the_moon');
});
