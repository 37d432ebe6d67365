import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Problem } from './support/api.js';
import {
  anEvent,
  pay,
  sendWebhook,
  sign,
  storedEvents,
  stripeSubscription,
  subscriptionOf,
  untilProcessed,
  untilTier,
} from './support/billing.js';
import { aUser } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.stop();
});
afterEach(() => {
  app.stripe.holdWebhooks(false);
});

const stored = async (id: string) => (await storedEvents(app)).filter((event) => event.id === id);

/** The event of this type that was made last. */
const lastEvent = (type: string): string => {
  const event = app.stripe.events.findLast((each) => each.type === type);
  if (!event) throw new Error(`Stripe made no ${type}`);
  return event.id;
};

async function deliverAll(types: readonly string[]): Promise<void> {
  for (const type of types) {
    expect(await app.stripe.deliver(lastEvent(type))).toBe(200);
    await untilProcessed(app, lastEvent(type));
  }
}

describe('a webhook is refused, and not stored, with', () => {
  const forged = anEvent('evt_forged');
  const reencoded = JSON.stringify(JSON.parse(forged), null, 2);

  it.each<[string, (app: TestApp) => string | null, string?]>([
    ['no signature', () => null],
    ['an empty signature', () => ''],
    ['a malformed signature', () => 'nonsense'],
    ['a signature without a time', (to) => sign(to, forged).replace(/t=\d+,/, '')],
    ['a signature by another secret', (to) => sign(to, forged, { secret: 'whsec_other' })],
    ['a signature older than 300 s', (to) => sign(to, forged, { ageSeconds: 302 })],
    ['a signature of 400 s from now', (to) => sign(to, forged, { ageSeconds: -400 })],
    [
      'several signatures, none of them right',
      (to) => `${sign(to, forged, { secret: 'whsec_a' })},v1=${'0'.repeat(64)}`,
    ],
    ['a body that was changed', (to) => sign(to, forged), forged.replace('customer.updated', 'invoice.paid')],
    ['the same JSON in other words', (to) => sign(to, forged), reencoded],
  ])('%s', async (_what, signature, body = forged) => {
    const answer = await sendWebhook<Problem>(app, body, signature(app));
    expect(answer.headers.get('content-type')).toMatch('application/problem+json');
    expect(answer).toMatchObject({ status: 400, body: { code: 'WEBHOOK_SIGNATURE_INVALID' } });
    expect(await storedEvents(app)).toEqual([]);
  });
});

it('a webhook that waited almost 300 s is taken', async () => {
  const event = anEvent('evt_late');
  const answer = await sendWebhook(app, event, sign(app, event, { ageSeconds: 295 }));
  expect(answer).toMatchObject({ status: 200, body: { received: true } });
});

it('one right signature among several is enough', async () => {
  const event = anEvent('evt_several');
  const [time, right] = sign(app, event).split(',');
  const answer = await sendWebhook(app, event, `${time ?? ''},v1=${'0'.repeat(64)},${right ?? ''}`);
  expect(answer).toMatchObject({ status: 200, body: { received: true } });
});

it('while the secret is rotated, events signed with either are taken', async () => {
  await app.process.kill();
  await app.restart({ STRIPE_WEBHOOK_SECRET: 'whsec_next, whsec_e2e' });
  for (const [id, secret] of [
    ['evt_by_old', 'whsec_e2e'],
    ['evt_by_new', 'whsec_next'],
  ] as const) {
    const event = anEvent(id);
    expect((await sendWebhook(app, event, sign(app, event, { secret }))).status).toBe(200);
  }
  const event = anEvent('evt_by_other');
  expect((await sendWebhook(app, event, sign(app, event, { secret: 'whsec_other' }))).status).toBe(400);
  await app.process.kill();
  await app.restart();
});

it('an event may be larger than what people may send, up to 1 MB', async () => {
  const eventOf = (id: string, bytes: number) =>
    anEvent(id, { object: { description: 'é'.repeat(bytes / 2) } });
  expect((await sendWebhook(app, eventOf('evt_large', 900_000))).status).toBe(200);
  await untilProcessed(app, 'evt_large');
  const answer = await sendWebhook<Problem>(app, eventOf('evt_too_large', 1_100_000));
  expect(answer).toMatchObject({ status: 413, body: { code: 'PAYLOAD_TOO_LARGE' } });
  expect(await stored('evt_too_large')).toEqual([]);
});

it('an event delivered 20 times at once is stored once, and every delivery is answered', async () => {
  const event = anEvent('evt_repeated');
  const answers = await Promise.all(Array.from({ length: 20 }, () => sendWebhook(app, event)));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  const { processed_at } = await untilProcessed(app, 'evt_repeated');
  expect(await stored('evt_repeated')).toHaveLength(1);
  expect((await sendWebhook(app, event)).status).toBe(200);
  expect(await stored('evt_repeated')).toMatchObject([{ processed_at }]);
});

it.each([
  ['of a type that nobody knows yet', 'evt_unknown_type', 'moon.landed', { id: 'moon_1' }, null],
  [
    'of a customer who is not ours',
    'evt_stranger',
    'invoice.paid',
    { customer: 'cus_stranger' },
    'cus_stranger',
  ],
  ['of no customer', 'evt_nobody', 'invoice.paid', { customer: null }, null],
])('an event %s is kept and changes nothing', async (_which, id, type, object, customer) => {
  const user = await aUser(app);
  expect((await sendWebhook(app, anEvent(id, { type, object }))).status).toBe(200);
  expect(await untilProcessed(app, id)).toMatchObject({ type, customer_id: customer });
  expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'basic', status: null });
});

describe('whatever the order of events, the state is Stripe’s', () => {
  it('one of them is enough to become Pro', async () => {
    const user = await aUser(app);
    app.stripe.holdWebhooks(true);
    await pay(app, user);
    expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'basic', status: null });
    await deliverAll(['invoice.paid']);
    expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'pro', status: 'active' });
  });

  it.each([
    ['in reverse', ['deleted', 'invoice', 'completed', 'created']],
    ['deleted before completed', ['created', 'deleted', 'invoice', 'completed']],
    ['in order', ['created', 'completed', 'invoice', 'deleted']],
  ])('%s, a cancelled subscription ends as Basic', async (_order, names) => {
    const types: Record<string, string> = {
      created: 'customer.subscription.created',
      completed: 'checkout.session.completed',
      invoice: 'invoice.paid',
      deleted: 'customer.subscription.deleted',
    };
    const user = await aUser(app);
    app.stripe.holdWebhooks(true);
    await pay(app, user);
    app.stripe.cancelSubscription((await stripeSubscription(app, user)).id);
    await deliverAll(names.map((name) => types[name] ?? ''));
    expect(await subscriptionOf(app, user)).toMatchObject({ tier: 'basic', status: 'canceled' });
  });

  it('all at once, several times each, for a subscription that was cancelled and bought again', async () => {
    const user = await aUser(app);
    app.stripe.holdWebhooks(true);
    const before = app.stripe.events.length;
    await pay(app, user);
    app.stripe.cancelSubscription((await stripeSubscription(app, user)).id);
    await pay(app, user);
    const events = app.stripe.events.slice(before).toReversed();
    expect(events).toHaveLength(7);
    const answers = [...events, ...events, ...events].map(({ id }) => app.stripe.deliver(id));
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
    for (const { id } of events) await untilProcessed(app, id);
    expect(await untilTier(app, user, 'pro')).toMatchObject({ status: 'active' });
  });
});
