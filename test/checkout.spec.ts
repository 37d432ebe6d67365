import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import type { Problem } from './support/api.js';
import {
  aCheckout,
  type Checkout,
  customerOf,
  pay,
  press,
  stripeOf,
  subscriptionOf,
  untilTier,
} from './support/billing.js';
import { aUser, type SignedIn } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

interface CheckoutStatus {
  sessionId: string;
  status: string;
  paymentStatus: string;
  tier: string;
}

const CHECKOUT = '/v1/billing/checkout';

let app: TestApp;
let stripe: Stripe;

beforeAll(async () => {
  app = await startTestApp({ STRIPE_TIMEOUT_MS: '500' });
  stripe = stripeOf(app);
});
afterAll(() => app.stop());
afterEach(() => {
  app.stripe.heal();
  app.stripe.setWebhooks('send');
});

const postCheckout = (user: SignedIn, body?: object) =>
  app.api.post<Checkout & Problem>(CHECKOUT, body, { token: user.token });

const getCheckout = (user: SignedIn, sessionId: string) =>
  app.api.get<CheckoutStatus & Problem>(`${CHECKOUT}/${sessionId}`, { token: user.token });

const sessionsOf = async (user: SignedIn) =>
  (await stripe.checkout.sessions.list({ customer: await customerOf(app, user) })).data;

const subscriptionsOf = async (user: SignedIn) =>
  (await stripe.subscriptions.list({ customer: await customerOf(app, user), status: 'all' })).data;

/** As another front end, or a person with two tabs and bad luck: past our own checks. */
async function aSecondSession(user: SignedIn, price = 'price_pro'): Promise<Stripe.Checkout.Session> {
  return stripe.checkout.sessions.create({
    mode: 'subscription',
    customer: await customerOf(app, user),
    client_reference_id: user.id,
    line_items: [{ price, quantity: 1 }],
    success_url: 'http://localhost:3000/billing/success',
  });
}

/** What this person has paid and was not given back, minor units. */
async function spentBy(user: SignedIn): Promise<number> {
  const { data: invoices } = await stripe.invoices.list({ customer: await customerOf(app, user) });
  const { data: refunds } = await stripe.refunds.list();
  let spent = 0;
  for (const { id, amount_paid } of invoices) {
    const { data: payments } = await stripe.invoicePayments.list({ invoice: id });
    const intents = payments.map(({ payment }) => payment.payment_intent);
    const back = refunds.filter(({ payment_intent }) => intents.includes(payment_intent as string));
    spent += amount_paid - back.reduce((sum, { amount }) => sum + amount, 0);
  }
  return spent;
}

describe('a first checkout', () => {
  it('that is double-clicked is one customer and one session', async () => {
    const user = await aUser(app);
    const answers = await Promise.all(Array.from({ length: 10 }, () => postCheckout(user)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.sessionId)).size).toBe(1);
    expect(await sessionsOf(user)).toHaveLength(1);
    expect(
      (await stripe.customers.list({ limit: 100 })).data.filter(
        ({ metadata }) => metadata.userId === user.id,
      ),
    ).toHaveLength(1);
  });

  it.each([
    ['customer', /^\/v1\/customers$/],
    ['session', /^\/v1\/checkout\/sessions$/],
  ])('whose %s Stripe makes without answering is, asked for again, the same one', async (_what, path) => {
    const user = await aUser(app);
    app.stripe.fail({ method: 'POST', path, hang: 'after', times: 3 });
    theProblem(await postCheckout(user), 502, 'PAYMENT_PROVIDER_UNAVAILABLE');
    const { status, body } = await postCheckout(user);
    expect(status).toBe(201);
    expect((await sessionsOf(user)).map(({ id }) => id)).toEqual([body.sessionId]);
    expect(
      (await stripe.customers.list({ limit: 100 })).data.filter(
        ({ metadata }) => metadata.userId === user.id,
      ),
    ).toHaveLength(1);
  });

  it('survives our death between making the customer and storing whose it is', async () => {
    const user = await aUser(app);
    await aCheckout(app, user);
    const customer = await customerOf(app, user);
    await app.database.query('DELETE FROM subscriptions WHERE user_id = $1', [user.id]);
    await app.process.kill();
    await app.restart();
    await aCheckout(app, user);
    expect(await customerOf(app, user)).toBe(customer);
    expect(await sessionsOf(user)).toHaveLength(1);
  });
});

describe('an open session', () => {
  it('is given again, until it is another price: then the first is ended before the second opens', async () => {
    const user = await aUser(app);
    const [month, again] = [await aCheckout(app, user), await aCheckout(app, user)];
    expect(again).toEqual(month);
    const { body: year } = await postCheckout(user, { interval: 'year' });
    expect(year.sessionId).not.toBe(month.sessionId);
    const open = (await sessionsOf(user)).filter(({ status }) => status === 'open');
    expect(open.map(({ id, amount_total }) => [id, amount_total])).toEqual([[year.sessionId, 9990]]);
    await press(year.url, 'Pay');
    expect((await untilTier(app, user, 'pro')).price).toMatchObject({
      id: 'price_pro_yearly',
      interval: 'year',
    });
  });

  it('that was paid while the person asks for another one is found, and nothing is sold twice', async () => {
    const user = await aUser(app);
    const { url } = await aCheckout(app, user);
    app.stripe.setWebhooks('lose');
    await press(url, 'Pay');
    theProblem(await postCheckout(user, { interval: 'year' }), 409, 'ALREADY_PRO');
    expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'pro', status: 'active' });
    expect(await sessionsOf(user)).toHaveLength(1);
  });
});

it('where Stripe is down while it is asked, nothing is opened, nobody is charged', async () => {
  const user = await aUser(app);
  await pay(app, user);
  await untilTier(app, user, 'pro');
  const before = await sessionsOf(user);
  for (const trouble of [{ status: 500 }, { hang: 'before' as const }, { close: 'before' as const }]) {
    app.stripe.fail({ ...trouble, method: 'GET', path: /^\/v1\/subscriptions/, times: 100 });
    theProblem(await postCheckout(user), 502, 'PAYMENT_PROVIDER_UNAVAILABLE');
    app.stripe.heal();
  }
  expect(await sessionsOf(user)).toEqual(before);
});

it('two sessions that are both paid: the newcomer is cancelled and given back, once, and it is recorded', async () => {
  const user = await aUser(app);
  const first = await aCheckout(app, user);
  const second = await aSecondSession(user, 'price_pro_yearly');
  // Our own second look would end the other one; both pages are open in a browser.
  await Promise.all([press(first.url, 'Pay'), press(second.url ?? '', 'Pay')]);
  await untilTier(app, user, 'pro');
  const { rows } = await until('the second one is settled', async () => {
    const found = await app.database.query<{ kept_id: string; refund_complete: boolean }>(
      'SELECT * FROM duplicate_subscriptions WHERE user_id = $1 AND settled_at IS NOT NULL',
      [user.id],
    );
    return found.rowCount === 1 && found;
  });
  const subscriptions = await subscriptionsOf(user);
  const kept = subscriptions.find(({ status }) => status === 'active');
  expect(subscriptions.map(({ status }) => status).sort()).toEqual(['active', 'canceled']);
  expect(rows).toMatchObject([{ kept_id: kept?.id, refund_complete: true }]);
  expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'pro', status: 'active' });
  expect(await spentBy(user)).toBe(kept?.items.data[0]?.price.unit_amount);
  expect(JSON.stringify(app.process.logs)).toContain('A second subscription was cancelled and refunded');
});

describe('a customer who is gone from Stripe', () => {
  it.each([
    [
      'deleted there',
      async (user: SignedIn): Promise<unknown> => stripe.customers.del(await customerOf(app, user)),
    ],
    [
      'unknown there',
      async (user: SignedIn): Promise<unknown> =>
        app.database.query('UPDATE subscriptions SET stripe_customer_id = $2 WHERE user_id = $1', [
          user.id,
          `cus_unknown_${user.id}`,
        ]),
    ],
  ])('%s, is replaced by the next checkout', async (_how, lose) => {
    const user = await aUser(app);
    await pay(app, user);
    await untilTier(app, user, 'pro');
    const old = await customerOf(app, user);
    await lose(user);
    await pay(app, user);
    expect(await untilTier(app, user, 'pro')).toMatchObject({ status: 'active' });
    expect(await customerOf(app, user)).not.toBe(old);
  });
});

describe('the success page', () => {
  it('learns the truth before the webhook, and without it', async () => {
    const user = await aUser(app);
    const { url, sessionId } = await aCheckout(app, user);
    app.stripe.setWebhooks('lose');
    expect((await getCheckout(user, sessionId)).body).toEqual({
      sessionId,
      status: 'open',
      paymentStatus: 'unpaid',
      tier: 'basic',
    });
    await press(url, 'Pay');
    expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'basic' });
    expect((await getCheckout(user, sessionId)).body).toMatchObject({
      status: 'complete',
      paymentStatus: 'paid',
      tier: 'pro',
    });
    expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'pro', status: 'active' });
    const usage = await app.api.get<{ tier: string; limit: null }>('/v1/users/me/usage', {
      token: user.token,
    });
    expect(usage.body).toMatchObject({ tier: 'pro', limit: null });
  });

  it('says the same after the webhook', async () => {
    const user = await aUser(app);
    const { url, sessionId } = await aCheckout(app, user);
    await press(url, 'Pay');
    await untilTier(app, user, 'pro');
    expect((await getCheckout(user, sessionId)).body).toMatchObject({ status: 'complete', tier: 'pro' });
  });

  it('gives nothing for a session that was not paid, or has expired', async () => {
    const user = await aUser(app);
    const { url, sessionId } = await aCheckout(app, user);
    expect((await press(url, 'Decline the card')).status).toBe(402);
    expect((await getCheckout(user, sessionId)).body).toMatchObject({ status: 'open', tier: 'basic' });
    await stripe.checkout.sessions.expire(sessionId);
    expect((await getCheckout(user, sessionId)).body).toMatchObject({ status: 'expired', tier: 'basic' });
  });

  it('tells nobody of another person’s session, nor of one that does not exist', async () => {
    const [payer, other] = [await aUser(app), await aUser(app)];
    const { url, sessionId } = await aCheckout(app, payer);
    await aCheckout(app, other);
    await press(url, 'Pay');
    for (const id of [sessionId, 'cs_test_nothing', 'nonsense', encodeURIComponent('../subscriptions/x')]) {
      theProblem(await getCheckout(other, id), 404, 'CHECKOUT_NOT_FOUND');
    }
    expect(await subscriptionOf(app, other)).toMatchObject({ tier: 'basic', status: null });
  });

  it('says that Stripe is away when it is', async () => {
    const user = await aUser(app);
    const { sessionId } = await aCheckout(app, user);
    app.stripe.fail({ status: 500, times: 3, path: /^\/v1\/checkout/ });
    theProblem(await getCheckout(user, sessionId), 502, 'PAYMENT_PROVIDER_UNAVAILABLE');
  });
});

describe('what is offered', () => {
  it('an interval that is not sold is refused', async () => {
    const user = await aUser(app);
    theProblem(await postCheckout(user, { interval: 'week' }), 400, 'VALIDATION_FAILED');
  });

  it('a trial, once a person, with promotion codes and tax, where they are set', async () => {
    await app.process.kill();
    await app.restart({
      STRIPE_TRIAL_DAYS: '7',
      STRIPE_PROMOTION_CODES: 'true',
      STRIPE_AUTOMATIC_TAX: 'true',
    });
    const user = await aUser(app);
    const { url, sessionId } = await aCheckout(app, user);
    const session = await stripe.checkout.sessions.retrieve(sessionId);
    expect(session).toMatchObject({ allow_promotion_codes: true, automatic_tax: { enabled: true } });
    await press(url, 'Pay');
    const trial = await untilTier(app, user, 'pro');
    expect(trial).toMatchObject({ status: 'trialing', next: { code: 'renews', at: trial.trialEnd } });
    expect((await subscriptionOf(app, user)).trialEnd).not.toBeNull();
    app.stripe.cancelSubscription((await subscriptionsOf(user))[0]?.id ?? '');
    await untilTier(app, user, 'basic');

    await pay(app, user);
    expect(await untilTier(app, user, 'pro')).toMatchObject({ status: 'active', trialEnd: null });
  });
});
