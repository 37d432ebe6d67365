import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import type { SimulatedStripe } from './simulated-stripe.js';
import { closeAll, receiveWebhooks, sdkFor, startFor } from './spec-support.js';

const TIMEOUT = { timeout: 100 };

let simulated: SimulatedStripe;
let stripe: Stripe;

beforeEach(async () => {
  simulated = await startFor(await receiveWebhooks());
  stripe = sdkFor(simulated);
});

afterEach(closeAll);

const howMany = async () => (await stripe.customers.list()).data.length;

it('a request that hangs has no effect', async () => {
  simulated.fail({ hang: 'before', times: 1, method: 'POST' });
  expect(await howMany()).toBe(0);
  await expect(stripe.customers.create({}, TIMEOUT)).rejects.toMatchObject({ type: 'StripeConnectionError' });
  expect(await howMany()).toBe(0);
});

it('an answer that never comes is of something that happened, once, however often it is retried', async () => {
  const once = { idempotencyKey: 'customer:1', ...TIMEOUT };
  simulated.fail({ hang: 'after', times: 1 });
  await expect(stripe.customers.create({}, once)).rejects.toMatchObject({ type: 'StripeConnectionError' });
  expect(await howMany()).toBe(1);
  const again = await stripe.customers.create({}, once);
  expect(again.lastResponse.headers['idempotent-replayed']).toBe('true');
  expect(await howMany()).toBe(1);
});

it('a connection that closes is retried by the SDK with the same key', async () => {
  simulated.fail({ close: 'after', times: 1 });
  simulated.fail({ close: 'before', times: 1, method: 'DELETE' });
  const { id } = await stripe.customers.create({ email: 'ada@example.com' });
  expect(await howMany()).toBe(1);
  await stripe.customers.del(id);
  expect(await howMany()).toBe(0);
});

it('a twin of a request that is on its way is refused', async () => {
  const once = { idempotencyKey: 'customer:1' };
  simulated.fail({ slowMs: 300, times: 1 });
  const answers = await Promise.allSettled([1, 2].map(() => stripe.customers.create({}, once)));
  expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { statusCode: 409, code: 'idempotency_key_in_use' },
  });
  expect((await stripe.customers.create({}, once)).lastResponse.headers['idempotent-replayed']).toBe('true');
});

it('heal() ends what was asked for', async () => {
  simulated.fail({ status: 500, times: 100 });
  await expect(stripe.customers.list()).rejects.toMatchObject({ statusCode: 500 });
  simulated.heal();
  expect(await howMany()).toBe(0);
});
