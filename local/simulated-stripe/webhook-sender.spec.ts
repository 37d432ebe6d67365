import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import type { SimulatedStripe } from './simulated-stripe.js';
import { closeAll, receiveWebhooks, sdkFor, startFor, subscribe } from './spec-support.js';
import { typesOf, until, type WebhookReceiver } from './spec-support.js';

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
