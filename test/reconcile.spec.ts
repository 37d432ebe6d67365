import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import { admin } from './support/admin.js';
import {
  aPayer,
  stripeOf,
  stripeSubscription,
  subscriptionOf,
  untilAllEventsProcessed,
  untilTier,
} from './support/billing.js';
import { startTestApp, type TestApp } from './support/test-app.js';

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

/** What an operator types. */
async function reconcile(): Promise<string> {
  const { code, stdout } = await admin(app, ['reconcile']);
  expect(code).toBe(0);
  return stdout;
}

describe('lost webhooks', () => {
  it('cancelled, resumed, and cancelled at once in the portal: the comparison with Stripe repairs it', async () => {
    const user = await aPayer(app);
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
    const users = await Promise.all([aPayer(app), aPayer(app), aPayer(app)]);
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
