import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Problem } from './support/api.js';
import {
  aCheckout,
  anEvent,
  type Checkout,
  customerOf,
  pay,
  press,
  sendWebhook,
  stripeOf,
  stripeSubscription,
  storedEvents,
  subscriptionOf,
  untilProcessed,
  untilTier,
} from './support/billing.js';
import { aUser, type SignedIn } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

const NOTHING_YET = {
  tier: 'basic',
  status: null,
  price: null,
  currentPeriodEnd: null,
  cancelAtPeriodEnd: false,
  pastDueUntil: null,
  trialEnd: null,
  next: { code: 'none', at: null },
};

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.stop();
});

const rowsOf = async (user: SignedIn): Promise<number> =>
  (await app.database.query('SELECT 1 FROM subscriptions WHERE user_id = $1', [user.id])).rowCount ?? 0;

const postCheckout = (user: SignedIn) =>
  app.api.post<Checkout & Problem>('/v1/billing/checkout', undefined, { token: user.token });

/** Whatever the events about this person were, all of them have been acted on. */
async function untilSettled(user: SignedIn): Promise<void> {
  const customer = await customerOf(app, user);
  await until('every event of the person is processed', async () => {
    const made = app.stripe.events.filter(({ data }) => JSON.stringify(data.object).includes(customer));
    const stored = (await storedEvents(app)).filter(({ processed_at }) => processed_at !== null);
    return made.length > 0 && made.every(({ id }) => stored.some((event) => event.id === id));
  });
}

it('a client that names the type of the body that it does not send can check out', async () => {
  const headers = { 'content-type': 'application/json' };
  const { status } = await app.api.post('/v1/billing/checkout', undefined, {
    token: (await aUser(app)).token,
    headers,
  });
  expect(status).toBe(201);
});

it('a checkout is a page of Stripe that can be paid on for a day', async () => {
  const user = await aUser(app);
  const { sessionId, url, expiresAt } = await aCheckout(app, user);
  expect(url).toBe(`${app.stripe.url}/c/pay/${sessionId}`);
  const hours = (Date.parse(expiresAt) - Date.now()) / 3_600_000;
  expect(hours).toBeGreaterThan(23);
  expect(hours).toBeLessThan(25);
  const page = await fetch(url);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain('$9.99');
  const session = await stripeOf(app).checkout.sessions.retrieve(sessionId);
  expect(session).toMatchObject({ client_reference_id: user.id, customer: await customerOf(app, user) });
});

it('billing needs a signed-in person', async () => {
  const answers = await Promise.all([
    app.api.post<Problem>('/v1/billing/checkout'),
    app.api.get<Problem>('/v1/billing/subscription'),
  ]);
  for (const { status, body } of answers) {
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'UNAUTHENTICATED' });
  }
});

it('paying makes Pro, with the price in minor units and the end of the period', async () => {
  const user = await aUser(app);
  expect(await subscriptionOf(app, user)).toEqual(NOTHING_YET);
  await pay(app, user);
  const { items } = await stripeSubscription(app, user);
  const periodEnd = new Date((items.data[0]?.current_period_end ?? 0) * 1000).toISOString();
  expect(await untilTier(app, user, 'pro')).toEqual({
    tier: 'pro',
    status: 'active',
    price: { id: 'price_pro', amount: 999, currency: 'usd', interval: 'month' },
    currentPeriodEnd: periodEnd,
    cancelAtPeriodEnd: false,
    pastDueUntil: null,
    trialEnd: null,
    next: { code: 'renews', at: periodEnd },
  });
});

it('who is Pro is not sold Pro again', async () => {
  const user = await aUser(app);
  await pay(app, user);
  await untilTier(app, user, 'pro');
  const { status, body } = await postCheckout(user);
  expect({ status, code: body.code }).toEqual({ status: 409, code: 'ALREADY_PRO' });
});

it('a declined card, a cancelled checkout and an expired one make nobody Pro', async () => {
  const user = await aUser(app);
  const { url, sessionId } = await aCheckout(app, user);
  expect((await press(url, 'Decline the card')).status).toBe(402);
  const cancelled = await press(url, 'Cancel and go back');
  expect(cancelled.headers.get('location')).toBe('http://localhost:3000/billing/cancelled');
  await stripeOf(app).checkout.sessions.expire(sessionId);
  await untilSettled(user);
  expect(await subscriptionOf(app, user)).toEqual(NOTHING_YET);
});

it('a session that completed without a subscription makes nobody Pro', async () => {
  const user = await aUser(app);
  await aCheckout(app, user);
  const object = {
    id: 'cs_unpaid',
    object: 'checkout.session',
    payment_status: 'unpaid',
    status: 'complete',
  };
  const customer = await customerOf(app, user);
  const event = anEvent('evt_unpaid', {
    type: 'checkout.session.completed',
    object: { ...object, customer, client_reference_id: user.id },
  });
  expect((await sendWebhook(app, event)).status).toBe(200);
  await untilProcessed(app, 'evt_unpaid');
  expect(await subscriptionOf(app, user)).toEqual(NOTHING_YET);
});

it('who cancels at the end of the period stays Pro until then, and can be kept', async () => {
  const user = await aUser(app);
  await pay(app, user);
  await untilTier(app, user, 'pro');
  const { id } = await stripeSubscription(app, user);
  const setCancel = (cancel: boolean) =>
    stripeOf(app).subscriptions.update(id, { cancel_at_period_end: cancel });
  const untilShown = (cancel: boolean) =>
    until(`cancelAtPeriodEnd is ${cancel}`, async () => {
      const shown = await subscriptionOf(app, user);
      return shown.cancelAtPeriodEnd === cancel && shown;
    });
  await setCancel(true);
  expect(await untilShown(true)).toMatchObject({ tier: 'pro', status: 'active' });
  await setCancel(false);
  expect(await untilShown(false)).toMatchObject({ tier: 'pro', status: 'active' });

  // Once it has ended there is nothing left that could end later.
  await setCancel(true);
  app.stripe.cancelSubscription(id);
  const ended = { status: 'canceled', currentPeriodEnd: null, cancelAtPeriodEnd: false };
  expect(await untilTier(app, user, 'basic')).toMatchObject(ended);
});

it('the end of a period that is not renewed is the end of Pro, even before Stripe says so', async () => {
  const user = await aUser(app);
  await pay(app, user);
  await untilTier(app, user, 'pro');
  await untilSettled(user);
  await app.database.query(`UPDATE users SET tier_until = now() - interval '1 second' WHERE id = $1`, [
    user.id,
  ]);
  expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'basic', status: 'active' });
});

it('cancelling at once ends Pro, and Pro can be bought again', async () => {
  const user = await aUser(app);
  await pay(app, user);
  await untilTier(app, user, 'pro');
  app.stripe.cancelSubscription((await stripeSubscription(app, user)).id);
  expect(await untilTier(app, user, 'basic')).toMatchObject({ status: 'canceled' });
  const customer = await customerOf(app, user);
  await pay(app, user);
  expect(await untilTier(app, user, 'pro')).toMatchObject({ status: 'active' });
  expect(await customerOf(app, user)).toBe(customer);
});

it('what one person pays for is not given to another', async () => {
  const [payer, other] = [await aUser(app), await aUser(app)];
  await aCheckout(app, other);
  await pay(app, payer);
  await untilTier(app, payer, 'pro');
  await untilSettled(payer);
  expect(await subscriptionOf(app, other)).toEqual(NOTHING_YET);
  expect(await customerOf(app, other)).not.toBe(await customerOf(app, payer));
});

it('ten first checkouts at once are one customer and one row', async () => {
  const user = await aUser(app);
  const answers = await Promise.all(Array.from({ length: 10 }, () => postCheckout(user)));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201));
  const sessions = await Promise.all(
    answers.map(({ body }) => stripeOf(app).checkout.sessions.retrieve(body.sessionId)),
  );
  expect(new Set(sessions.map(({ customer }) => customer))).toEqual(new Set([await customerOf(app, user)]));
  expect(await rowsOf(user)).toBe(1);
});

it('without Stripe there is no checkout, nothing is stored and no secret is told', async () => {
  const user = await aUser(app);
  app.stripe.fail({ status: 500, times: 3, path: /^\/v1\/customers/ });
  const { status, headers, body } = await postCheckout(user);
  expect(headers.get('content-type')).toMatch('application/problem+json');
  expect({ status, body }).toMatchObject({ status: 502, body: { code: 'PAYMENT_PROVIDER_UNAVAILABLE' } });
  expect(await rowsOf(user)).toBe(0);

  app.stripe.fail({ status: 500, times: 3, path: /^\/v1\/checkout/ });
  expect((await postCheckout(user)).status).toBe(502);
  expect(await subscriptionOf(app, user)).toEqual(NOTHING_YET);
  expect((await postCheckout(user)).status).toBe(201);
  expect(JSON.stringify(app.process.logs)).not.toMatch(/sk_test_e2e|whsec_e2e/);
});

it('no answer tells the ids that Stripe knows a person by', async () => {
  const user = await aUser(app);
  const checkout = await postCheckout(user);
  await press(checkout.body.url, 'Pay');
  await untilTier(app, user, 'pro');
  const paths = ['/v1/billing/subscription', '/v1/users/me', '/v1/users/me/usage'];
  const answers = await Promise.all(paths.map((path) => app.api.get(path, { token: user.token })));
  const told = JSON.stringify([checkout.body, ...answers.map(({ body }) => body)]);
  expect(told).not.toMatch(/cus_|sub_|stripe_?customer/i);
});
