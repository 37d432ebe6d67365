import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Stripe } from 'stripe';
import { sendWebhook, stripeOf } from './support/billing.js';
import { inParallel, permutationsOf, randomFrom } from './support/random.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

const LIFE = [
  'customer.subscription.created',
  'customer.subscription.updated',
  'checkout.session.completed',
  'invoice.paid',
  'invoice.payment_failed',
  'customer.subscription.deleted',
];
const ORDERS = permutationsOf(LIFE);
/** Customers whose events come at the same time. */
const WIDTH = 24;

interface Customer {
  id: string;
  /** Buys again after all that: what is told last, in most orders, is not how it is. */
  buysAgain: boolean;
}

interface Row {
  stripe_customer_id: string;
  stripe_subscription_id: string;
  status: string;
  price_id: string;
  current_period_end: Date;
  cancel_at_period_end: boolean;
  tier: string;
}

let app: TestApp;
let stripe: Stripe;

beforeAll(async () => {
  // Without a line for each of 10,000 requests, which this process would have to read.
  app = await startTestApp({ LOG_LEVEL: 'warn' });
  stripe = stripeOf(app);
  app.stripe.setWebhooks('lose');
});
afterAll(() => app.stop());

/** A person and their customer, as a first checkout leaves them. */
async function aCustomer(index: number): Promise<Customer> {
  const userId = `01900000-0000-7000-8000-${String(index).padStart(12, '0')}`;
  const { id } = await stripe.customers.create({ metadata: { userId } });
  await app.database.query(`INSERT INTO users (id, mobile) VALUES ($1, $2)`, [userId, `+1999${index}`]);
  await app.database.query(`INSERT INTO subscriptions (user_id, stripe_customer_id) VALUES ($1, $2)`, [
    userId,
    id,
  ]);
  return { id, buysAgain: index % 2 === 1 };
}

async function buy({ id }: Customer): Promise<void> {
  const { url } = await stripe.checkout.sessions.create({
    mode: 'subscription',
    customer: id,
    line_items: [{ price: 'price_pro', quantity: 1 }],
    success_url: 'http://localhost:3000/billing/success',
  });
  expect((await fetch(`${url ?? ''}/pay`, { method: 'POST', redirect: 'manual' })).status).toBe(303);
}

/**
 * Bought, renewed in vain, and cancelled: the life of one, with everything that Stripe told of it. The others have its
 * events in their own names, because a clock that moves for 720 takes minutes.
 */
async function aLife(): Promise<Map<string, Stripe.Event>> {
  const model = await aCustomer(9999);
  await buy(model);
  app.stripe.setCard(model.id, 'fails');
  app.stripe.advance({ days: 32 });
  const [subscription] = (await stripe.subscriptions.list({ customer: model.id })).data;
  app.stripe.cancelSubscription(subscription?.id ?? '');
  return new Map(app.stripe.events.map((event) => [event.type, event]));
}

/** At Stripe alone: nobody is told. */
async function end(customer: Customer, subscriptionId: string): Promise<void> {
  app.stripe.cancelSubscription(subscriptionId);
  if (customer.buysAgain) await buy(customer);
}

function inTheNameOf({ id }: Customer, subscriptionId: string, event: Stripe.Event): string {
  const { customer } = event.data.object as { customer: string };
  return JSON.stringify({ ...event, id: `${event.id}_${id}` })
    .replaceAll(customer, id)
    .replaceAll(/sub_\w+/g, subscriptionId);
}

it('whatever order the events of a life come in, once or more often, the row is as Stripe has it', async () => {
  const seed = Number(process.env.TEST_SEED ?? randomInt(2 ** 31));
  const random = randomFrom(seed);
  const life = await aLife();
  const customers: Customer[] = [];
  let delivered = 0;
  const send = async (payload: string): Promise<void> => {
    delivered += 1;
    expect((await sendWebhook(app, payload)).status).toBe(200);
  };
  await inParallel([...ORDERS.entries()], WIDTH, async ([index, order]) => {
    const customer = await aCustomer(index);
    customers.push(customer);
    await buy(customer);
    const subscriptionId = (await stripe.subscriptions.list({ customer: customer.id })).data[0]?.id ?? '';
    const payloads = order.map((type) => {
      const event = life.get(type);
      if (event === undefined) throw new Error(`Stripe made no ${type}`);
      return inTheNameOf(customer, subscriptionId, event);
    });
    const deliver = async (some: readonly string[]): Promise<void> => {
      // Most once, a few three times.
      const deliveries = some.flatMap((payload) =>
        Array<string>(1 + Math.floor(random() ** 4 * 3)).fill(payload),
      );
      if (random() < 0.3) await Promise.all(deliveries.map(send));
      else for (const payload of deliveries) await send(payload);
    };
    // Some come while the subscription lives, whatever they say; at least one when it has ended.
    const early = Math.floor(random() * payloads.length);
    await deliver(payloads.slice(0, early));
    await end(customer, subscriptionId);
    await deliver(payloads.slice(early));
  });
  await until(
    'every event is acted on',
    async () =>
      (await app.database.query(`SELECT 1 FROM stripe_events WHERE status = 'pending' LIMIT 1`)).rowCount ===
      0,
    60_000,
  );

  const { rows } = await app.database.query<Row>(
    `SELECT s.*, u.tier FROM subscriptions s JOIN users u ON u.id = s.user_id`,
  );
  const byCustomer = new Map(rows.map((row) => [row.stripe_customer_id, row]));
  let divergences = 0;
  await inParallel(customers, WIDTH, async ({ id, buysAgain }) => {
    const { data } = await stripe.subscriptions.list({ customer: id, status: 'all' });
    const newest = data[0];
    const item = newest?.items.data[0];
    expect(data).toHaveLength(buysAgain ? 2 : 1);
    const row = byCustomer.get(id);
    const same =
      row !== undefined &&
      row.stripe_subscription_id === newest?.id &&
      row.status === newest.status &&
      row.status === (buysAgain ? 'active' : 'canceled') &&
      row.price_id === item?.price.id &&
      row.current_period_end.getTime() === item.current_period_end * 1000 &&
      row.cancel_at_period_end === newest.cancel_at_period_end &&
      row.tier === (buysAgain ? 'pro' : 'basic');
    if (!same) divergences += 1;
  });
  process.stdout.write(
    `orders of events: ${delivered} events delivered, ${ORDERS.length} orders tried, ${divergences} divergences (TEST_SEED=${seed})\n`,
  );
  expect(ORDERS).toHaveLength(720);
  expect(divergences).toBe(0);
}, 240_000);
