import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import type { SimulatedStripe } from './simulated-stripe.js';
import { closeAll, receiveWebhooks, sdkFor, startFor, subscribe } from './spec-support.js';
import { typesOf, until, WEBHOOK_SECRET, type WebhookReceiver } from './spec-support.js';

let receiver: WebhookReceiver;
let simulated: SimulatedStripe;
let stripe: Stripe;

beforeEach(async () => {
  receiver = await receiveWebhooks();
  simulated = await startFor(receiver);
  stripe = sdkFor(simulated);
});

afterEach(closeAll);

it('held events are made but not sent, and released in order', async () => {
  simulated.holdWebhooks(true);
  await subscribe(stripe);
  expect(simulated.events).toHaveLength(3);
  expect(await simulated.deliver(simulated.events[2]?.id ?? '')).toBe(200);
  expect(typesOf(receiver.received)).toEqual(['invoice.paid']);
  simulated.holdWebhooks(false);
  await until(() => receiver.received.length === 4);
  expect(receiver.received.slice(1).map(({ id }) => id)).toEqual(simulated.events.map(({ id }) => id));
});

it('an event that is answered 500 comes again, unchanged', async () => {
  receiver.answers.push(500, 500);
  const { id } = await subscribe(stripe);
  simulated.cancelSubscription(id);
  await until(() => receiver.received.length === 6);
  const created = receiver.received.filter(({ type }) => type === 'customer.subscription.created');
  expect(created).toHaveLength(2);
  expect(created[1]).toEqual(created[0]);
  expect(created[1]?.data.object).toMatchObject({ status: 'active' });
});

it('an app that is not there yet gets the events once it is', async () => {
  const { url } = receiver;
  await receiver.close();
  receiver.url = 'http://127.0.0.1:9/'; // the discard port: nobody listens
  await subscribe(stripe);
  const late = await receiveWebhooks();
  receiver.url = late.url;
  await until(() => late.received.length === 3);
  expect(late.url).not.toBe(url);
});

it('an event is delivered again on request, and the status is told', async () => {
  await subscribe(stripe);
  await until(() => receiver.received.length === 3);
  receiver.answers.push(500, 200);
  const id = simulated.events[0]?.id ?? '';
  expect(await simulated.deliver(id)).toBe(500);
  expect(await simulated.deliver(id)).toBe(200);
  expect(receiver.received.slice(3).map((event) => event.id)).toEqual([id, id]);
  await expect(simulated.deliver('evt_nope')).rejects.toThrow("no event 'evt_nope'");
});

it('the tries and what was taken are counted', async () => {
  receiver.answers.push(500, 500, 500);
  await subscribe(stripe);
  await until(() => receiver.received.length === 6);
  const ids = simulated.events.map(({ id }) => id);
  await until(() => ids.every((id) => simulated.deliveriesOf(id).taken === 1));
  expect(ids.map((id) => simulated.deliveriesOf(id))).toEqual(Array(3).fill({ tries: 2, taken: 1 }));
});

it('lost events are never sent, and those after them are', async () => {
  simulated.setWebhooks('lose');
  const { id } = await subscribe(stripe);
  simulated.setWebhooks('send');
  simulated.cancelSubscription(id);
  await until(() => receiver.received.length === 1);
  expect(typesOf(receiver.received)).toEqual(['customer.subscription.deleted']);
  expect(simulated.deliveriesOf(simulated.events[0]?.id ?? '')).toEqual({ tries: 0, taken: 0 });
});

it('disturbed events come several times each', async () => {
  simulated.disturbWebhooks({ copies: 3, spreadMs: 50 });
  await subscribe(stripe);
  await until(() => receiver.received.length === 9);
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(3);
});

it('a list of events is delivered in the order asked for, as often as asked for', async () => {
  simulated.holdWebhooks(true);
  await subscribe(stripe);
  const ids = simulated.events.map(({ id }) => id);
  expect(await simulated.deliverAll(ids, { order: 'reversed', concurrently: false })).toEqual([
    200, 200, 200,
  ]);
  expect(receiver.received.map(({ id }) => id)).toEqual(ids.toReversed());
  receiver.answers.push(500);
  const statuses = await simulated.deliverAll(ids, { times: 'random', order: 'shuffled' });
  expect(statuses.filter((status) => status === 500)).toHaveLength(1);
  expect(statuses.length).toBeGreaterThanOrEqual(3);
  expect(statuses.length).toBeLessThanOrEqual(9);
  expect(receiver.received).toHaveLength(3 + statuses.length);
});

it('while a secret is replaced, an event is signed with both', async () => {
  simulated.signWith('whsec_new');
  simulated.holdWebhooks(true);
  await subscribe(stripe);
  const id = simulated.events[0]?.id ?? '';
  expect(await simulated.deliver(id)).toBe(400);
  simulated.signWith('whsec_new', WEBHOOK_SECRET);
  expect(await simulated.deliver(id)).toBe(200);
});

it('nothing is tried again after close()', async () => {
  receiver.answers.push(500, 500, 500);
  await subscribe(stripe);
  await until(() => receiver.received.length >= 3);
  await simulated.close();
  const { length } = receiver.received;

  // Another one's first retry is due later than every retry that the closed one had planned.
  const later = await receiveWebhooks();
  later.answers.push(500);
  const other = await startFor(later);
  await subscribe(sdkFor(other));
  await until(() => later.received.length === 4);
  // One may have been on its way while closing.
  expect(receiver.received.length).toBeLessThanOrEqual(length + 1);
});
