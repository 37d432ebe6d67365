import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stripe } from 'stripe';
import { closeAll, openCheckout, receiveWebhooks, sdkFor, startFor, subscribe } from './spec-support.js';
import { typesOf, until, type WebhookReceiver } from './spec-support.js';

let receiver: WebhookReceiver;
let directory: string;
let dataFile: string;

beforeEach(async () => {
  receiver = await receiveWebhooks();
  directory = await mkdtemp(join(tmpdir(), 'simulated-stripe-'));
  dataFile = join(directory, 'deep', 'stripe.json');
});

afterEach(async () => {
  await closeAll();
  await rm(directory, { recursive: true });
});

it('a second start knows what the first one made, and sends what was never taken', async () => {
  const first = await startFor(receiver, { dataFile });
  const subscription = await subscribe(sdkFor(first), 'ada@example.com');
  const open = await openCheckout(sdkFor(first), subscription.customer as string);
  const once = { idempotencyKey: 'customer:user-1' };
  const customer = await sdkFor(first).customers.create({}, once);
  await until(() => receiver.received.length === 3);
  first.holdWebhooks(true);
  first.cancelSubscription(subscription.id);
  await first.close();

  const second = await startFor(receiver, { dataFile });
  const sdk = sdkFor(second);
  expect(await sdk.subscriptions.retrieve(subscription.id)).toMatchObject({ status: 'canceled' });
  expect((await sdk.checkout.sessions.retrieve(open.id)).url).toBe(`${second.url}/c/pay/${open.id}`);
  expect(await sdk.customers.create({}, once)).toEqual(customer);
  // An event whose 2xx came as the first one closed is sent once more, as Stripe would.
  await until(() => receiver.received.at(-1)?.type === 'customer.subscription.deleted');
});

it('a session that is a day old has expired', async () => {
  const first = await startFor(receiver, { dataFile });
  const { id: customer } = await sdkFor(first).customers.create();
  const { id } = await openCheckout(sdkFor(first), customer);
  await first.close();
  const data = JSON.parse(await readFile(dataFile, 'utf8')) as {
    orders: { session: Stripe.Checkout.Session }[];
  };
  for (const { session } of data.orders) session.expires_at -= 24 * 60 * 60;
  await writeFile(dataFile, JSON.stringify(data));

  const second = await startFor(receiver, { dataFile });
  expect((await sdkFor(second).checkout.sessions.list({ customer, status: 'open' })).data).toEqual([]);
  expect(await sdkFor(second).checkout.sessions.retrieve(id)).toMatchObject({ status: 'expired', url: null });
  expect(typesOf(second.events)).toEqual(['checkout.session.expired']);
});

it('a broken data file stops the start and is named', async () => {
  await writeFile(join(directory, 'stripe.json'), '{"customers": [');
  const started = startFor(receiver, { dataFile: join(directory, 'stripe.json') });
  await expect(started).rejects.toThrow(/stripe\.json is not the simulated Stripe's data; delete it/);
});
