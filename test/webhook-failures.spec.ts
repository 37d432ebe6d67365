import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { admin } from './support/admin.js';
import {
  customerOf,
  pay,
  type StoredEvent,
  storedEvents,
  subscriptionOf,
  untilProcessed,
  untilTier,
} from './support/billing.js';
import { aUser, type SignedIn } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

const MAX_ATTEMPTS = 4;

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({
    STRIPE_EVENT_MAX_ATTEMPTS: String(MAX_ATTEMPTS),
    STRIPE_EVENT_RETRY_BASE_MS: '20',
  });
  app.stripe.setWebhooks('lose');
});
afterAll(() => app.stop());
afterEach(() => {
  app.stripe.heal();
});

/** Somebody who has paid, of whom the application has not heard yet, and the event that tells it. */
async function aPayer(): Promise<{ user: SignedIn; event: string }> {
  const user = await aUser(app);
  await pay(app, user);
  return { user, event: app.stripe.events.at(-1)?.id ?? '' };
}

const stored = async (id: string): Promise<StoredEvent | undefined> =>
  (await storedEvents(app)).find((event) => event.id === id);

const untilFailed = (id: string): Promise<StoredEvent> =>
  until(`${id} has failed`, async () => {
    const event = await stored(id);
    return event?.status === 'failed' && event;
  });

async function replay(...args: string[]): Promise<string> {
  const { code, stdout } = await admin(app, ['replay-webhooks', ...args]);
  expect(code).toBe(0);
  return stdout;
}

/** 400 is what the SDK does not try again by itself. */
const breakStripe = (times: number) => {
  app.stripe.fail({ status: 400, times, path: /^\/v1\/subscriptions/ });
};

it('an event whose handling throws three times, and then works, is acted on once', async () => {
  const { user, event } = await aPayer();
  breakStripe(3);
  expect(await app.stripe.deliver(event)).toBe(200);
  expect(await untilProcessed(app, event)).toMatchObject({
    status: 'processed',
    attempts: 4,
    last_error: null,
  });
  expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'pro' });
});

it('one that never works is kept as failed, is listed, is not tried for ever, and can be replayed', async () => {
  const { user, event } = await aPayer();
  breakStripe(1000);
  expect(await app.stripe.deliver(event)).toBe(200);
  const failed = await untilFailed(event);
  expect(failed).toMatchObject({
    attempts: MAX_ATTEMPTS,
    last_error: 'StripeRefusal < StripeInvalidRequestError',
  });
  expect(JSON.stringify([failed, app.process.logs])).not.toMatch(/sk_test_e2e|whsec_e2e/);
  await until('it is logged', () =>
    app.process.logs.some(({ msg }) => String(msg).startsWith('An event is given up')),
  );
  expect(await replay()).toMatch(
    new RegExp(`1 events were given up\n${event} .* 4 attempts {2}StripeRefusal`),
  );

  app.stripe.heal();
  const later = await aPayer();
  expect(await app.stripe.deliver(later.event)).toBe(200);
  await untilTier(app, later.user, 'pro');
  expect(await stored(event)).toEqual(failed);

  expect(await replay(event)).toContain(event);
  expect(await untilProcessed(app, event)).toMatchObject({
    status: 'processed',
    attempts: 1,
    last_error: null,
  });
  expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'pro' });
});

it('all that failed are replayed with one word', async () => {
  const payers = [await aPayer(), await aPayer(), await aPayer()];
  breakStripe(1000);
  for (const { event } of payers) await app.stripe.deliver(event);
  for (const { event } of payers) await untilFailed(event);
  app.stripe.heal();
  // Stripe may have told of more about these payers by itself.
  const replayed = await replay('--failed');
  expect(replayed).toMatch(/^\d+ events are acted on once more/);
  for (const { event } of payers) expect(replayed).toContain(event);
  for (const { user } of payers) await untilTier(app, user, 'pro');
  expect(await replay()).toBe('0 events were given up\n');
});

it('an event whose processes die again and again ends as failed, and the sweep goes past it', async () => {
  const [poison, { user, event }] = [await aPayer(), await aPayer()];
  const insert = (id: string, customer: string, attempts: number) =>
    app.database.query(
      `INSERT INTO stripe_events (id, type, customer_id, attempts) VALUES ($1, 'invoice.paid', $2, $3)`,
      [id, customer, attempts],
    );
  await insert('evt_poison', await customerOf(app, poison.user), MAX_ATTEMPTS);
  await insert(event, await customerOf(app, user), 0);
  await untilTier(app, user, 'pro');
  expect(await untilFailed('evt_poison')).toMatchObject({ last_error: 'EventGivenUp' });
});

it('one that is not known is named, and the others are replayed', async () => {
  const { event } = await aPayer();
  expect(await app.stripe.deliver(event)).toBe(200);
  await untilProcessed(app, event);
  const { code, stdout } = await admin(app, ['replay-webhooks', event, 'evt_of_another_account']);
  expect({ code, stdout }).toEqual({
    code: 1,
    stdout: `1 events are acted on once more\n${event}\nevt_of_another_account is not known\n`,
  });
});
