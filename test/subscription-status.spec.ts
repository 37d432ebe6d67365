import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import {
  aPayer,
  customerOf,
  postBilling,
  press,
  stripeOf,
  stripeSubscription,
  subscriptionOf,
  type SubscriptionView,
} from './support/billing.js';
import { aUser, type SignedIn } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

const DAY_MS = 86_400_000;

let app: TestApp;
let stripe: Stripe;

beforeAll(async () => {
  app = await startTestApp();
  stripe = stripeOf(app);
});
afterAll(() => app.stop());

const untilStatus = (user: SignedIn, status: string): Promise<SubscriptionView> =>
  until(`the status is ${status}`, async () => {
    const subscription = await subscriptionOf(app, user);
    return subscription.status === status && subscription;
  });

describe('a renewal that fails', () => {
  /** Whose renewal has just failed, for the first time. */
  async function aDebtor(): Promise<{ user: SignedIn; since: number }> {
    const user = await aPayer(app);
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
    theProblem(await postBilling(app, user, 'checkout'), 409, 'ALREADY_PRO');
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
    const { status, body } = await postBilling(app, user, 'checkout');
    expect({ status, code: body.code }).toEqual(
      refusal === null ? { status: 201 } : { status: 409, code: refusal },
    );
  });
});

it('a first payment that the bank never confirmed gives nothing, and expires', async () => {
  const user = await aUser(app);
  const { body } = await postBilling(app, user, 'checkout');
  await press(body.url, 'Pay, and leave the bank to confirm');
  expect(await untilStatus(user, 'incomplete')).toMatchObject({ tier: 'basic' });
  app.stripe.advance({ days: 1 });
  expect(await untilStatus(user, 'incomplete_expired')).toMatchObject({
    tier: 'basic',
    next: { code: 'none' },
  });
});

it('a status that does not exist yet gives nothing, and nobody breaks', async () => {
  const user = await aPayer(app);
  const { id } = await stripeSubscription(app, user);
  app.stripe.setStatus(id, 'hibernating');
  expect(await untilStatus(user, 'hibernating')).toMatchObject({ tier: 'basic', next: { code: 'none' } });
  app.stripe.setStatus(id, 'active');
  expect(await untilStatus(user, 'active')).toMatchObject({ tier: 'pro' });
});
