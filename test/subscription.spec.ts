import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import type { Problem } from './support/api.js';
import {
  aPayer,
  pay,
  postBilling,
  stripeOf,
  stripeSubscription,
  subscriptionOf,
  untilTier,
} from './support/billing.js';
import { aUser, type SignedIn } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

interface Invoices {
  data: {
    number: string;
    status: string;
    total: number;
    currency: string;
    hostedUrl: string;
    pdfUrl: string;
  }[];
  nextCursor: string | null;
}

let app: TestApp;
let stripe: Stripe;

beforeAll(async () => {
  app = await startTestApp();
  stripe = stripeOf(app);
});
afterAll(() => app.stop());
afterEach(() => {
  app.stripe.heal();
});

describe('who never subscribed', () => {
  it.each([
    ['portal', 'BILLING_ACCOUNT_NOT_FOUND'],
    ['subscription/cancel', 'SUBSCRIPTION_NOT_FOUND'],
    ['subscription/resume', 'SUBSCRIPTION_NOT_FOUND'],
  ])('has no %s', async (path, code) => {
    theProblem(await postBilling(app, await aUser(app), path), 404, code);
  });

  it('has no invoices', async () => {
    const { token } = await aUser(app);
    const { status, body } = await app.api.get('/v1/billing/invoices', { token });
    expect({ status, body }).toEqual({ status: 200, body: { data: [], nextCursor: null } });
  });
});

it('the portal is Stripe’s page, and leads back to the front end', async () => {
  const { status, body } = await postBilling(app, await aPayer(app), 'portal');
  expect(status).toBe(201);
  const page = await fetch(body.url);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain('http://localhost:3000');
});

describe('a cancellation', () => {
  it('holds to the end of the period, may be repeated, and can be taken back as often', async () => {
    const user = await aPayer(app);
    const { currentPeriodEnd } = await subscriptionOf(app, user);
    const ends = { tier: 'pro', cancelAtPeriodEnd: true, next: { code: 'ends', at: currentPeriodEnd } };
    const renews = { tier: 'pro', cancelAtPeriodEnd: false, next: { code: 'renews', at: currentPeriodEnd } };
    for (const [path, shown] of [
      ['cancel', ends],
      ['resume', renews],
      ['cancel', ends],
      ['resume', renews],
    ] as const) {
      const answers = await Promise.all([
        postBilling(app, user, `subscription/${path}`),
        postBilling(app, user, `subscription/${path}`),
      ]);
      for (const { status, body } of answers)
        expect({ status, body }).toMatchObject({ status: 200, body: shown });
      expect((await stripeSubscription(app, user)).cancel_at_period_end).toBe(path === 'cancel');
    }
  });

  it('made in the portal is taken back here', async () => {
    const user = await aPayer(app);
    const { id, items } = await stripeSubscription(app, user);
    await stripe.subscriptions.update(id, { cancel_at: items.data[0]?.current_period_end ?? 0 });
    await until('it is told', async () => (await subscriptionOf(app, user)).cancelAtPeriodEnd);
    expect((await postBilling(app, user, 'subscription/resume')).body).toMatchObject({
      cancelAtPeriodEnd: false,
    });
    expect((await stripeSubscription(app, user)).cancel_at).toBeNull();
  });

  it('of what has ended is refused, and nothing is done where Stripe is away', async () => {
    const user = await aPayer(app);
    app.stripe.fail({ status: 500, times: 3, path: /^\/v1\/subscriptions/ });
    theProblem(await postBilling(app, user, 'subscription/cancel'), 502, 'PAYMENT_PROVIDER_UNAVAILABLE');
    app.stripe.cancelSubscription((await stripeSubscription(app, user)).id);
    theProblem(await postBilling(app, user, 'subscription/cancel'), 409, 'SUBSCRIPTION_ENDED');
    theProblem(await postBilling(app, user, 'subscription/resume'), 409, 'SUBSCRIPTION_ENDED');
  });
});

it('invoices come in pages, with Stripe’s own links, and a cursor is good for its person alone', async () => {
  const [user, other] = [await aPayer(app), await aPayer(app)];
  for (let times = 0; times < 2; times += 1) {
    app.stripe.cancelSubscription((await stripeSubscription(app, user)).id);
    await untilTier(app, user, 'basic');
    await pay(app, user);
    await untilTier(app, user, 'pro');
  }
  const get = (who: SignedIn, query: string) =>
    app.api.get<Invoices & Problem>(`/v1/billing/invoices?${query}`, { token: who.token });
  const first = (await get(user, 'limit=2')).body;
  const cursor = first.nextCursor ?? '';
  const second = (await get(user, `limit=2&cursor=${cursor}`)).body;
  expect([first.data.length, second.data.length, second.nextCursor]).toEqual([2, 1, null]);
  const all = [...first.data, ...second.data];
  expect(new Set(all.map(({ number }) => number)).size).toBe(3);
  for (const invoice of all) {
    expect(invoice).toMatchObject({
      status: 'paid',
      total: 999,
      amountPaid: 999,
      amountDue: 0,
      currency: 'usd',
    });
    expect(invoice.hostedUrl).toMatch(app.stripe.url);
    expect(invoice.pdfUrl).toMatch(app.stripe.url);
  }
  expect(JSON.stringify(all)).not.toMatch(/cus_|sub_|pi_|customer|metadata/);
  theProblem(await get(other, `limit=2&cursor=${cursor}`), 400, 'INVALID_CURSOR');
  theProblem(await get(user, 'cursor=nonsense'), 400, 'INVALID_CURSOR');
});
