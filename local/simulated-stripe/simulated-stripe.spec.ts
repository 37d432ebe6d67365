import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import type { SimulatedStripe } from './simulated-stripe.js';
import {
  closeAll,
  openCheckout,
  press,
  PRICE,
  receiveWebhooks,
  sdkFor,
  startFor,
  subscribe,
} from './spec-support.js';
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

it('a person subscribes, is told of by events, cancels, and that is told too', async () => {
  const customer = await stripe.customers.create({
    email: 'ada@example.com',
    metadata: { userId: 'user-1' },
  });
  const session = await openCheckout(stripe, customer.id);
  expect(session).toMatchObject({
    status: 'open',
    payment_status: 'unpaid',
    amount_total: 999,
    currency: 'usd',
  });
  expect(session.url).toBe(`${simulated.url}/c/pay/${session.id}`);

  const paid = await press(session.url ?? '', 'pay');
  expect(paid.status).toBe(303);
  expect(paid.headers.get('location')).toBe(`https://app.example/billing?session=${session.id}`);

  const { data, has_more } = await stripe.subscriptions.list({ customer: customer.id, status: 'all' });
  expect(has_more).toBe(false);
  expect(data).toEqual([expect.objectContaining({ status: 'active', metadata: { userId: 'user-1' } })]);
  const [subscription] = data;
  const [item] = subscription?.items.data ?? [];
  expect(item?.price.id).toBe(PRICE);
  const days = ((item?.current_period_end ?? 0) - (item?.current_period_start ?? 0)) / 86_400;
  expect(days).toBeGreaterThanOrEqual(28);
  expect(days).toBeLessThanOrEqual(31);
  expect(await stripe.checkout.sessions.retrieve(session.id)).toMatchObject({
    status: 'complete',
    payment_status: 'paid',
    subscription: subscription?.id,
    client_reference_id: 'user-1',
    url: null,
  });

  await stripe.subscriptions.cancel(subscription?.id ?? '');
  await until(() => receiver.received.length === 4);
  expect(typesOf(receiver.received)).toEqual([
    'customer.subscription.created',
    'checkout.session.completed',
    'invoice.paid',
    'customer.subscription.deleted',
  ]);
  expect(receiver.received).toEqual(
    simulated.events.map(({ id }) => expect.objectContaining({ id, api_version: '2026-10-28.endive' })),
  );
  expect(receiver.received[0]?.data.object).toMatchObject({ id: subscription?.id, status: 'active' });
  expect(receiver.received[2]?.data.object).toMatchObject({
    parent: { subscription_details: { subscription: subscription?.id } },
  });
  expect(receiver.received[3]?.data.object).toMatchObject({ id: subscription?.id, status: 'canceled' });
  expect((await stripe.subscriptions.list({ customer: customer.id })).data).toEqual([]);
});

it('a customer can be read and changed, and an empty value unsets a field', async () => {
  const { id } = await stripe.customers.create({
    email: 'ada@example.com',
    name: 'Ada',
    metadata: { a: '1', b: '2' },
  });
  await stripe.customers.update(id, { name: '', metadata: { a: '', c: '3' } });
  expect(await stripe.customers.retrieve(id)).toMatchObject({
    email: 'ada@example.com',
    name: null,
    metadata: { b: '2', c: '3' },
  });
});

it('a price is what the SDK expects of one', async () => {
  const price = await stripe.prices.retrieve(PRICE);
  expect(price).toMatchObject({ unit_amount: 999, currency: 'usd', recurring: { interval: 'month' } });
  expect(price.unit_amount_decimal?.toString()).toBe('999');
});

it('cancelling at the period end can be taken back, and each change is one event', async () => {
  const { id, items } = await subscribe(stripe);
  const ending = await stripe.subscriptions.update(id, { cancel_at_period_end: true });
  expect(ending).toMatchObject({ status: 'active', cancel_at: items.data[0]?.current_period_end });
  await stripe.subscriptions.update(id, { cancel_at_period_end: true });
  await stripe.subscriptions.update(id, { cancel_at_period_end: false });
  expect(typesOf(simulated.events.slice(3))).toEqual([
    'customer.subscription.updated',
    'customer.subscription.updated',
  ]);
  expect(simulated.events[3]?.data.previous_attributes).toMatchObject({ cancel_at_period_end: false });

  simulated.cancelSubscription(id);
  await expect(stripe.subscriptions.cancel(id)).rejects.toMatchObject({ statusCode: 404 });
  await expect(stripe.subscriptions.update(id, { cancel_at_period_end: true })).rejects.toMatchObject({
    statusCode: 400,
  });
  const noted = await stripe.subscriptions.update(id, { metadata: { why: 'moved' } });
  expect(noted.metadata).toMatchObject({ why: 'moved' });
});

it('sessions are listed by customer and status, newest first, page by page', async () => {
  const { id: customer } = await stripe.customers.create();
  const other = await stripe.customers.create();
  await openCheckout(stripe, other.id);
  const made: string[] = [];
  for (let n = 0; n < 4; n += 1) made.unshift((await openCheckout(stripe, customer)).id);
  await stripe.checkout.sessions.expire(made[0] ?? '');

  const firstPage = await stripe.checkout.sessions.list({ customer, status: 'open', limit: 2 });
  expect(firstPage.has_more).toBe(true);
  const all: string[] = [];
  for await (const { id } of stripe.checkout.sessions.list({ customer, status: 'open', limit: 2 }))
    all.push(id);
  expect(all).toEqual(made.slice(1));
  await expect(stripe.checkout.sessions.expire(made[0] ?? '')).rejects.toMatchObject({ statusCode: 400 });
  expect(typesOf(simulated.events)).toEqual(['checkout.session.expired']);
});

describe('idempotency keys', () => {
  it('the same request is answered the same and happens once', async () => {
    const once = { idempotencyKey: 'customer:user-1' };
    const first = await stripe.customers.create({ email: 'ada@example.com' }, once);
    const again = await stripe.customers.create({ email: 'ada@example.com' }, once);
    expect(again).toEqual(first);
    expect(first.lastResponse.headers['idempotent-replayed']).toBeUndefined();
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(again.lastResponse.requestId).not.toBe(first.lastResponse.requestId);
  });

  it('the same key for something else is refused', async () => {
    const once = { idempotencyKey: 'customer:user-1' };
    await stripe.customers.create({ email: 'ada@example.com' }, once);
    const conflict = { type: 'StripeIdempotencyError', statusCode: 400 };
    await expect(stripe.customers.create({ email: 'eve@example.com' }, once)).rejects.toMatchObject(conflict);
    const { id } = await stripe.customers.create();
    await expect(stripe.customers.update(id, { email: 'ada@example.com' }, once)).rejects.toMatchObject(
      conflict,
    );
  });
});

describe('refusals', () => {
  it('a wrong key is a 401', async () => {
    const refused = sdkFor(simulated, { key: 'sk_test_other' }).customers.create();
    await expect(refused).rejects.toMatchObject({ type: 'StripeAuthenticationError', statusCode: 401 });
    expect((await fetch(`${simulated.url}/v1/customers/cus_1`)).status).toBe(401);
  });

  it('an unknown id is a 404 in the path and a 400 in a parameter', async () => {
    await expect(stripe.subscriptions.retrieve('sub_nope')).rejects.toMatchObject({
      type: 'StripeInvalidRequestError',
      statusCode: 404,
      code: 'resource_missing',
      param: 'id',
      message: "No such subscription: 'sub_nope'",
      requestId: expect.stringMatching(/^req_/),
    });
    await expect(stripe.customers.retrieve('constructor')).rejects.toMatchObject({ statusCode: 404 });
    await expect(openCheckout(stripe, 'cus_nope')).rejects.toMatchObject({
      statusCode: 400,
      param: 'customer',
    });
  });

  it('what is not simulated says so', async () => {
    await expect(stripe.coupons.list()).rejects.toMatchObject({
      statusCode: 404,
      message: expect.stringContaining('does not support GET /v1/coupons'),
    });
    await expect(stripe.customers.create({ balance: 5 })).rejects.toMatchObject({
      code: 'parameter_unknown',
    });
  });

  it('a javascript: address is not sent to anybody', async () => {
    const session = stripe.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: PRICE }],
      success_url: 'javascript:alert(1)',
    });
    await expect(session).rejects.toMatchObject({ code: 'url_invalid', param: 'success_url' });
  });

  it('fail() fails the next matching requests, and the SDK gets through by retrying', async () => {
    simulated.fail({ status: 429, times: 1, path: /^\/v1\/subscriptions/ });
    const { id } = await stripe.customers.create();
    await expect(stripe.subscriptions.list()).rejects.toMatchObject({ type: 'StripeRateLimitError' });
    await stripe.subscriptions.list();

    simulated.fail({ status: 503, times: 2 });
    await expect(stripe.customers.retrieve(id)).rejects.toMatchObject({
      type: 'StripeAPIError',
      statusCode: 503,
    });
    const patient = sdkFor(simulated, { maxNetworkRetries: 1 });
    const made = await patient.customers.create({ email: 'ada@example.com' });
    expect(made.email).toBe('ada@example.com');
    expect(made.lastResponse.headers['idempotent-replayed']).toBeUndefined();
  });
});
