import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { admin } from './support/admin.js';
import type { Stripe } from 'stripe';
import type { Problem } from './support/api.js';
import {
  customerOf,
  pay,
  press,
  stripeOf,
  stripeSubscription,
  subscriptionOf,
  type SubscriptionView,
  untilAllEventsProcessed,
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

const DAY_MS = 86_400_000;

let app: TestApp;
let stripe: Stripe;

beforeAll(async () => {
  app = await startTestApp();
  stripe = stripeOf(app);
});
afterAll(() => app.stop());
afterEach(() => {
  app.stripe.heal();
  app.stripe.setWebhooks('send');
});

const post = (user: SignedIn, path: string) =>
  app.api.post<SubscriptionView & Problem & { url: string }>(`/v1/billing/${path}`, undefined, {
    token: user.token,
  });

async function aPayer(): Promise<SignedIn> {
  const user = await aUser(app);
  await pay(app, user);
  await untilTier(app, user, 'pro');
  return user;
}

const untilStatus = (user: SignedIn, status: string): Promise<SubscriptionView> =>
  until(`the status is ${status}`, async () => {
    const subscription = await subscriptionOf(app, user);
    return subscription.status === status && subscription;
  });

/** What an operator types. */
async function reconcile(): Promise<string> {
  const { code, stdout } = await admin(app, ['reconcile']);
  expect(code).toBe(0);
  return stdout;
}

describe('who never subscribed', () => {
  it.each([
    ['portal', 'BILLING_ACCOUNT_NOT_FOUND'],
    ['subscription/cancel', 'SUBSCRIPTION_NOT_FOUND'],
    ['subscription/resume', 'SUBSCRIPTION_NOT_FOUND'],
  ])('has no %s', async (path, code) => {
    theProblem(await post(await aUser(app), path), 404, code);
  });

  it('has no invoices', async () => {
    const { token } = await aUser(app);
    const { status, body } = await app.api.get('/v1/billing/invoices', { token });
    expect({ status, body }).toEqual({ status: 200, body: { data: [], nextCursor: null } });
  });
});

it('the portal is Stripe’s page, and leads back to the front end', async () => {
  const { status, body } = await post(await aPayer(), 'portal');
  expect(status).toBe(201);
  const page = await fetch(body.url);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain('http://localhost:3000');
});

describe('a cancellation', () => {
  it('holds to the end of the period, may be repeated, and can be taken back as often', async () => {
    const user = await aPayer();
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
        post(user, `subscription/${path}`),
        post(user, `subscription/${path}`),
      ]);
      for (const { status, body } of answers)
        expect({ status, body }).toMatchObject({ status: 200, body: shown });
      expect((await stripeSubscription(app, user)).cancel_at_period_end).toBe(path === 'cancel');
    }
  });

  it('made in the portal is taken back here', async () => {
    const user = await aPayer();
    const { id, items } = await stripeSubscription(app, user);
    await stripe.subscriptions.update(id, { cancel_at: items.data[0]?.current_period_end ?? 0 });
    await until('it is told', async () => (await subscriptionOf(app, user)).cancelAtPeriodEnd);
    expect((await post(user, 'subscription/resume')).body).toMatchObject({ cancelAtPeriodEnd: false });
    expect((await stripeSubscription(app, user)).cancel_at).toBeNull();
  });

  it('of what has ended is refused, and nothing is done where Stripe is away', async () => {
    const user = await aPayer();
    app.stripe.fail({ status: 500, times: 3, path: /^\/v1\/subscriptions/ });
    theProblem(await post(user, 'subscription/cancel'), 502, 'PAYMENT_PROVIDER_UNAVAILABLE');
    app.stripe.cancelSubscription((await stripeSubscription(app, user)).id);
    theProblem(await post(user, 'subscription/cancel'), 409, 'SUBSCRIPTION_ENDED');
    theProblem(await post(user, 'subscription/resume'), 409, 'SUBSCRIPTION_ENDED');
  });
});

it('invoices come in pages, with Stripe’s own links, and a cursor is good for its person alone', async () => {
  const [user, other] = [await aPayer(), await aPayer()];
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

describe('lost webhooks', () => {
  it('cancelled, resumed, and cancelled at once in the portal: the comparison with Stripe repairs it', async () => {
    const user = await aPayer();
    const { id } = await stripeSubscription(app, user);
    await untilAllEventsProcessed(app);
    app.stripe.setWebhooks('lose');
    const told: boolean[] = [];
    for (const cancel of [true, false]) {
      await stripe.subscriptions.update(id, { cancel_at_period_end: cancel });
      expect(await reconcile()).toMatch(/ compared, 1 repaired, 0 could not/);
      told.push((await subscriptionOf(app, user)).cancelAtPeriodEnd);
    }
    expect(told).toEqual([true, false]);
    app.stripe.cancelSubscription(id);
    expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'pro' });
    expect(await reconcile()).toMatch(/ compared, 1 repaired, 0 could not/);
    expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'basic', status: 'canceled' });
    const again = await reconcile();
    expect(again).toMatch(/ compared, 0 repaired, 0 could not/);
    process.stdout.write(`reconcile: 3 divergences made, 3 repaired, then ${again}`);
  });

  it('the scheduled comparison does it by itself, and keeps back where Stripe limits the rate', async () => {
    const users = await Promise.all([aPayer(), aPayer(), aPayer()]);
    app.stripe.setWebhooks('lose');
    for (const user of users) app.stripe.cancelSubscription((await stripeSubscription(app, user)).id);
    app.stripe.fail({ status: 429, times: 4, path: /^\/v1\/subscriptions/ });
    await app.process.kill();
    await app.restart({ STRIPE_RECONCILE_INTERVAL_MS: '1000' });
    for (const user of users)
      expect(await untilTier(app, user, 'basic')).toMatchObject({ status: 'canceled' });
    await app.process.kill();
    await app.restart();
  });
});

describe('a renewal that fails', () => {
  /** Whose renewal has just failed, for the first time. */
  async function aDebtor(): Promise<{ user: SignedIn; since: number }> {
    const user = await aPayer();
    app.stripe.setCard(await customerOf(app, user), 'fails');
    app.stripe.advance({ days: 32 });
    const { latest_invoice: latest } = await stripeSubscription(app, user);
    const invoice = await stripe.invoices.retrieve(latest as string);
    return { user, since: (invoice.status_transitions.finalized_at ?? 0) * 1000 };
  }

  it('keeps Pro for 14 days from that moment, and says until when', async () => {
    const { user, since } = await aDebtor();
    const deadline = new Date(since + 14 * DAY_MS).toISOString();
    expect(await untilStatus(user, 'past_due')).toMatchObject({
      tier: 'pro',
      pastDueUntil: deadline,
      next: { code: 'payment_due', at: deadline },
    });
    theProblem(await post(user, 'checkout'), 409, 'ALREADY_PRO');
  });

  it('and is paid is as before', async () => {
    const { user } = await aDebtor();
    await untilStatus(user, 'past_due');
    const { latest_invoice: latest } = await stripeSubscription(app, user);
    app.stripe.setCard(await customerOf(app, user), 'works');
    await stripe.invoices.pay(latest as string);
    expect(await untilStatus(user, 'active')).toMatchObject({
      tier: 'pro',
      pastDueUntil: null,
      next: { code: 'renews' },
    });
  });

  it.each([
    ['unpaid', 'payment_due', 'PAYMENT_DUE'],
    ['canceled', 'none', null],
  ] as const)('for good is %s: Basic', async (then, next, refusal) => {
    app.stripe.setDunning({ then });
    const { user } = await aDebtor();
    await untilStatus(user, 'past_due');
    app.stripe.advance({ days: 40 });
    expect(await untilStatus(user, then)).toMatchObject({ tier: 'basic', next: { code: next } });
    const { status, body } = await post(user, 'checkout');
    expect({ status, code: body.code }).toEqual(
      refusal === null ? { status: 201 } : { status: 409, code: refusal },
    );
  });
});

it('a first payment that the bank never confirmed gives nothing, and expires', async () => {
  const user = await aUser(app);
  const { body } = await post(user, 'checkout');
  await press(body.url, 'Pay, and leave the bank to confirm');
  expect(await untilStatus(user, 'incomplete')).toMatchObject({ tier: 'basic' });
  app.stripe.advance({ days: 1 });
  expect(await untilStatus(user, 'incomplete_expired')).toMatchObject({
    tier: 'basic',
    next: { code: 'none' },
  });
});

it('a status that does not exist yet gives nothing, and nobody breaks', async () => {
  const user = await aPayer();
  const { id } = await stripeSubscription(app, user);
  app.stripe.setStatus(id, 'hibernating');
  expect(await untilStatus(user, 'hibernating')).toMatchObject({ tier: 'basic', next: { code: 'none' } });
  app.stripe.setStatus(id, 'active');
  expect(await untilStatus(user, 'active')).toMatchObject({ tier: 'pro' });
});
