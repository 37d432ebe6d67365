import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import {
  customerOf,
  pay,
  storedEvents,
  subscriptionOf,
  untilProcessed,
  untilTier,
} from './support/billing.js';
import { startTestRedis } from './support/engines.js';
import { aUser, type SignedIn } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

let app: TestApp;
let payer: SignedIn;

beforeAll(async () => {
  app = await startTestApp();
  app.stripe.holdWebhooks(true);
});
afterAll(async () => {
  await app.stop();
});
/** Somebody who has paid, and of whom the application has not heard yet. */
beforeEach(async () => {
  payer = await aUser(app);
  await pay(app, payer);
});

const lastEvent = (): string => app.stripe.events.at(-1)?.id ?? '';

it('a Stripe that fails is asked again until it answers', async () => {
  // The SDK tries three times, so the third attempt of the job succeeds.
  app.stripe.fail({ status: 500, times: 7, path: /^\/v1\/subscriptions/ });
  expect(await app.stripe.deliver(lastEvent())).toBe(200);
  await untilTier(app, payer, 'pro');
  await untilProcessed(app, lastEvent());
  const failures = app.process.logs.filter(({ msg }) => msg === 'An event could not be acted on');
  expect(failures).toHaveLength(2);
  expect(JSON.stringify(failures)).not.toContain('sk_test_e2e');
});

it('an event that comes while Redis hangs is taken, and acted on afterwards', async () => {
  app.redis.freeze();
  try {
    expect(await app.stripe.deliver(lastEvent())).toBe(200);
    expect((await storedEvents(app)).find(({ id }) => id === lastEvent())?.processed_at).toBeNull();
  } finally {
    app.redis.thaw();
  }
  await untilTier(app, payer, 'pro');
});

it('a process killed while it acts on an event does so after its restart', async () => {
  const blocker = await app.database.connect();
  try {
    await blocker.query('BEGIN');
    await blocker.query('SELECT 1 FROM subscriptions WHERE user_id = $1 FOR UPDATE', [payer.id]);
    expect(await app.stripe.deliver(lastEvent())).toBe(200);
    await until('the processor waits for the row', async () => {
      const { rowCount } = await app.database.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rowCount === 1;
    });
    await app.process.kill();
  } finally {
    await blocker.query('ROLLBACK');
    blocker.release();
  }
  await app.restart();
  await untilTier(app, payer, 'pro');
  await untilProcessed(app, lastEvent());
});

it('a process killed between storing an event and queueing it acts on it after its restart', async () => {
  const customer = await customerOf(app, payer);
  await app.process.kill();
  await app.database.query(
    `INSERT INTO stripe_events (id, type, customer_id) VALUES ($1, 'invoice.paid', $2)`,
    [lastEvent(), customer],
  );
  await app.restart();
  await untilTier(app, payer, 'pro');
  await untilProcessed(app, lastEvent());
});

it('an event that comes without Redis is taken, and acted on with a new, empty one', async () => {
  await app.redis.stop();
  expect(await app.stripe.deliver(lastEvent())).toBe(200);
  await app.process.kill();
  const redis = await startTestRedis();
  try {
    await app.restart({ REDIS_URL: redis.url });
    expect(await untilTier(app, payer, 'pro')).toEqual(await subscriptionOf(app, payer));
    await untilProcessed(app, lastEvent());
    await app.process.kill();
  } finally {
    await redis.stop();
  }
});
