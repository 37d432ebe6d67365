import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Stripe } from 'stripe';
import {
  type SimulatedStripe,
  startSimulatedStripe,
} from '../../../local/simulated-stripe/simulated-stripe.js';
import { Env } from '../../config/env.js';
import { StripeApi, StripeMissing } from './stripe-api.js';
import { StripeCheckoutClient } from './stripe-checkout.client.js';
import { StripeClient } from './stripe.client.js';
import { StripeWebhooks } from './stripe-webhooks.js';

const KEYS = { secretKey: 'sk_test_unit', webhookSecret: 'whsec_unit', proPriceId: 'price_pro' };
const EVENT = { id: 'evt_1', object: 'event', type: 'customer.subscription.updated', created: 1_795_000_000 };

let stripe: SimulatedStripe;
let client: StripeClient;

const settings = (changes: Partial<Env> = {}): Env =>
  Object.assign(new Env(), {
    STRIPE_API_BASE: stripe.url,
    STRIPE_SECRET_KEY: KEYS.secretKey,
    STRIPE_PRO_PRICE_ID: KEYS.proPriceId,
    STRIPE_WEBHOOK_SECRET: [KEYS.webhookSecret],
    ...changes,
  });

const checkoutsWith = (changes: Partial<Env> = {}): StripeCheckoutClient => {
  const env = settings(changes);
  return new StripeCheckoutClient(env, new StripeApi(env));
};

const webhooksWith = (changes: Partial<Env> = {}): StripeWebhooks => {
  const env = settings(changes);
  return new StripeWebhooks(env, new StripeApi(env));
};

const offerTo = (customerId: string) => ({
  customerId,
  userId: 'user-1',
  priceId: KEYS.proPriceId,
  trialDays: 0,
});

beforeEach(async () => {
  stripe = await startSimulatedStripe({ ...KEYS, webhookUrl: 'http://127.0.0.1:9' });
  stripe.holdWebhooks(true);
  client = new StripeClient(settings(), new StripeApi(settings()));
});
afterEach(async () => {
  await stripe.close();
});

const sdk = (): Stripe =>
  new Stripe(KEYS.secretKey, { protocol: 'http', host: '127.0.0.1', port: new URL(stripe.url).port });

/** Pays a new checkout; two pages paid are two subscriptions. */
async function subscribe(customerId: string): Promise<void> {
  const checkouts = checkoutsWith();
  const [newest] = await checkouts.list(customerId);
  const { url } = await checkouts.open(offerTo(customerId), newest?.id);
  await fetch(`${url ?? ''}/pay`, { method: 'POST', redirect: 'manual' });
}

const sign = (payload: string, secret = KEYS.webhookSecret, ageSeconds = 0): string =>
  Stripe.webhooks.generateTestHeaderString({
    payload,
    secret,
    timestamp: Math.floor(Date.now() / 1000) - ageSeconds,
  });

describe('customers', () => {
  it('the same person is the same customer, in parallel and again later', async () => {
    const create = () => client.createCustomer('user-1', '+14155550001');
    const parallel = await Promise.all([create(), create(), create()]);
    expect(new Set([...parallel, await create()]).size).toBe(1);
  });

  it('two persons are two customers, each with their number and id', async () => {
    const [ada, bob] = [
      await client.createCustomer('ada', '+14155550001'),
      await client.createCustomer('bob', '+14155550002'),
    ];
    expect(ada).not.toBe(bob);
    expect(await sdk().customers.retrieve(ada)).toMatchObject({
      phone: '+14155550001',
      metadata: { userId: 'ada' },
    });
  });
});

describe('checkout', () => {
  it.each([
    ['https://app.example', 'https://app.example/billing/'],
    ['https://app.example/', 'https://app.example/billing/'],
    ['https://app.example/chat/', 'https://app.example/chat/billing/'],
  ])('sends people back to the front end at %s', async (frontEnd, prefix) => {
    const customer = await client.createCustomer('user-1', '+14155550001');
    const { id } = await checkoutsWith({ FRONTEND_URL: frontEnd }).open(offerTo(customer), undefined);
    expect(await sdk().checkout.sessions.retrieve(id)).toMatchObject({
      success_url: `${prefix}success?session_id={CHECKOUT_SESSION_ID}`,
      cancel_url: `${prefix}cancelled`,
      client_reference_id: 'user-1',
    });
  });
});

describe('subscriptions', () => {
  it('speaks our types: dates, minor units, cancellation', async () => {
    const customer = await client.createCustomer('user-1', '+14155550001');
    await subscribe(customer);
    const [subscription] = await client.listSubscriptions(customer);
    expect(subscription).toMatchObject({
      status: 'active',
      grantsPro: true,
      priceId: 'price_pro',
      interval: 'month',
      amount: 999,
      currency: 'usd',
      endsAt: null,
      pastDueSince: null,
    });
    const days =
      ((subscription?.currentPeriodEnd.getTime() ?? 0) - (subscription?.createdAt.getTime() ?? 0)) /
      86_400_000;
    expect(days).toBeGreaterThanOrEqual(28);
    expect(days).toBeLessThanOrEqual(31);
  });

  it.each(['flag', 'date'])(
    'one that was cancelled for the end of its period by %s is seen to be',
    async (by) => {
      const customer = await client.createCustomer('user-1', '+14155550001');
      await subscribe(customer);
      const id = (await client.listSubscriptions(customer))[0]?.id ?? '';
      if (by === 'flag') await sdk().subscriptions.update(id, { cancel_at_period_end: true });
      // The page stands for the customer portal, which sets the date alone.
      else await fetch(`${stripe.url}/subscriptions/${id}/cancel-at-period-end`, { method: 'POST' });
      expect(await client.listSubscriptions(customer)).toMatchObject([{ id, endsBy: by }]);
      const [subscription] = await client.listSubscriptions(customer);
      expect(subscription?.endsAt).toEqual(subscription?.currentPeriodEnd);
      if (subscription) await client.resume(subscription);
      expect(await client.listSubscriptions(customer)).toMatchObject([{ id, endsAt: null, endsBy: null }]);
    },
  );

  it('lists all that ever were, over several pages, and only of this customer', async () => {
    const customer = await client.createCustomer('user-1', '+14155550001');
    await subscribe(await client.createCustomer('user-2', '+14155550002'));
    for (let made = 0; made < 101; made += 1) await subscribe(customer);
    const first = (await client.listSubscriptions(customer)).at(-1)?.id ?? '';
    stripe.cancelSubscription(first);
    const all = await client.listSubscriptions(customer);
    expect(new Set(all.map(({ id }) => id)).size).toBe(101);
    expect(all.find(({ id }) => id === first)?.status).toBe('canceled');
  });

  it('a person who never subscribed has none', async () => {
    const customer = await client.createCustomer('user-1', '+14155550001');
    expect(await client.listSubscriptions(customer)).toEqual([]);
  });
});

describe('when Stripe errs', () => {
  it('one bad answer is not seen', async () => {
    stripe.fail({ status: 500, times: 1 });
    expect(await client.createCustomer('user-1', '+14155550001')).toMatch(/^cus_/);
  });

  it.each([400, 401, 403])('%i is no outage: it names the settings to look at', async (status) => {
    stripe.fail({ status, times: 1 });
    await expect(client.listSubscriptions('cus_1')).rejects.toThrow(
      /STRIPE_SECRET_KEY and STRIPE_PRO_PRICE_ID/,
    );
  });

  it.each([500, 503, 429])('%i after retries is that nothing was decided', async (status) => {
    stripe.fail({ status, times: 3 });
    await expect(client.listSubscriptions('cus_1')).rejects.toMatchObject({
      code: 'PAYMENT_PROVIDER_UNAVAILABLE',
      status: 502,
    });
  });

  it('a customer that it does not know is gone, and no outage', async () => {
    await expect(client.listSubscriptions('cus_nobody')).rejects.toThrow(StripeMissing);
    await expect(client.listSubscriptions('cus_nobody')).rejects.toMatchObject({ param: 'customer' });
  });

  it('so is nobody listening', async () => {
    await stripe.close();
    await expect(client.createCustomer('user-1', '+14155550001')).rejects.toMatchObject({
      code: 'PAYMENT_PROVIDER_UNAVAILABLE',
    });
  });
});

describe('webhooks', () => {
  const payload = (object: object): string => JSON.stringify({ ...EVENT, data: { object } });

  it.each([
    ['its customer', { object: 'subscription', customer: 'cus_1' }, 'cus_1'],
    ['its expanded customer', { object: 'subscription', customer: { id: 'cus_1' } }, 'cus_1'],
    ['the customer that it is', { object: 'customer', id: 'cus_1' }, 'cus_1'],
    ['no customer', { object: 'checkout.session', customer: null }, null],
    ['no such field', { object: 'price', id: 'price_1' }, null],
  ])('an event concerns %s', async (_whom, object, customerId) => {
    const body = payload(object);
    expect(await webhooksWith().verify(Buffer.from(body), sign(body))).toEqual({
      id: 'evt_1',
      type: EVENT.type,
      customerId,
      createdAt: new Date(EVENT.created * 1000),
    });
  });

  it('an event that does not say when it was made has no such time', async () => {
    const body = JSON.stringify({ ...EVENT, created: undefined, data: { object: {} } });
    expect(await webhooksWith().verify(Buffer.from(body), sign(body))).toMatchObject({ createdAt: null });
  });

  const body = payload({});
  it.each([
    ['no signature', body, ''],
    ['another secret', body, sign(body, 'whsec_other')],
    ['an age of more than 300 s', body, sign(body, KEYS.webhookSecret, 302)],
    ['another body', `${body} `, sign(body)],
    ['a signed text that is no JSON', 'hello', sign('hello')],
  ])('%s is refused', async (_what, received, signature) => {
    await expect(webhooksWith().verify(Buffer.from(received), signature)).rejects.toThrow(
      'WEBHOOK_SIGNATURE_INVALID',
    );
  });

  it('an age just under 300 s is accepted', async () => {
    const verified = webhooksWith().verify(Buffer.from(body), sign(body, KEYS.webhookSecret, 298));
    expect((await verified).id).toBe('evt_1');
  });

  it.each([
    ['the new secret', 'whsec_new'],
    ['the old secret', 'whsec_old'],
  ])('while secrets are rotated, %s is accepted', async (_which, secret) => {
    const rotating = webhooksWith({ STRIPE_WEBHOOK_SECRET: ['whsec_new', 'whsec_old'] });
    expect((await rotating.verify(Buffer.from(body), sign(body, secret))).id).toBe('evt_1');
    await expect(rotating.verify(Buffer.from(body), sign(body, 'whsec_older'))).rejects.toThrow();
  });

  it('a signature from the future is refused, one of a clock that is a little ahead is not', async () => {
    const from = (seconds: number) =>
      webhooksWith().verify(Buffer.from(body), sign(body, undefined, -seconds));
    await expect(from(400)).rejects.toThrow('WEBHOOK_SIGNATURE_INVALID');
    await expect(from(30)).resolves.toBeDefined();
  });

  it('its age has the limit that is set', async () => {
    const strict = webhooksWith({ STRIPE_WEBHOOK_TOLERANCE_SECONDS: 10 });
    await expect(strict.verify(Buffer.from(body), sign(body, undefined, 12))).rejects.toThrow();
  });
});
