import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { Stripe } from 'stripe';
import {
  type SimulatedStripe,
  type SimulatedStripeOptions,
  startSimulatedStripe,
} from './simulated-stripe.js';

export const SECRET_KEY = 'sk_test_simulated';
export const PRICE = 'price_pro';
export const WEBHOOK_SECRET = 'whsec_simulated';

export interface WebhookReceiver {
  url: string;
  /** Verified events, in the order in which they arrived, refused ones too. */
  received: Stripe.Event[];
  /** What the next requests are answered with; 200 when empty. */
  answers: number[];
  close(): Promise<void>;
}

const opened: { close(): Promise<void> }[] = [];

/** For afterEach: a test that failed half-way must not keep Jest from ending. */
export async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((each) => each.close()));
}

/** A tiny app: takes webhooks and verifies them with the real SDK. A bad signature is answered 400 and not recorded. */
export async function receiveWebhooks(): Promise<WebhookReceiver> {
  const received: Stripe.Event[] = [];
  const answers: number[] = [];
  const server = createServer((request, response) => {
    void text(request).then((payload) => {
      const signature = request.headers['stripe-signature'] ?? '';
      try {
        received.push(Stripe.webhooks.constructEvent(payload, signature, WEBHOOK_SECRET));
        response.writeHead(answers.shift() ?? 200).end();
      } catch {
        response.writeHead(400).end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook/stripe`,
    received,
    answers,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  opened.push(receiver);
  return receiver;
}

export async function startFor(
  receiver: WebhookReceiver,
  more: Partial<SimulatedStripeOptions> = {},
): Promise<SimulatedStripe> {
  const simulated = await startSimulatedStripe({
    secretKey: SECRET_KEY,
    webhookUrl: () => receiver.url,
    webhookSecret: WEBHOOK_SECRET,
    proPriceId: PRICE,
    ...more,
  });
  opened.push(simulated);
  return simulated;
}

/** The real SDK. Without retries, so that a failure is seen at the first try. */
export function sdkFor(
  { url }: SimulatedStripe,
  config: { key?: string; maxNetworkRetries?: number } = {},
): Stripe {
  const { hostname, port } = new URL(url);
  const { key = SECRET_KEY, maxNetworkRetries = 0 } = config;
  return new Stripe(key, { protocol: 'http', host: hostname, port, maxNetworkRetries, telemetry: false });
}

export async function openCheckout(stripe: Stripe, customer: string): Promise<Stripe.Checkout.Session> {
  return stripe.checkout.sessions.create({
    mode: 'subscription',
    customer,
    client_reference_id: 'user-1',
    line_items: [{ price: PRICE, quantity: 1 }],
    metadata: { userId: 'user-1' },
    subscription_data: { metadata: { userId: 'user-1' } },
    success_url: 'https://app.example/billing?session={CHECKOUT_SESSION_ID}',
    cancel_url: 'https://app.example/billing',
  });
}

/** What a person does on the page: presses the form's button. */
export function press(url: string, button: string): Promise<Response> {
  return fetch(`${url}/${button}`, { method: 'POST', redirect: 'manual' });
}

export async function subscribe(stripe: Stripe, email = 'ada@example.com'): Promise<Stripe.Subscription> {
  const customer = await stripe.customers.create({ email });
  const session = await openCheckout(stripe, customer.id);
  await press(session.url ?? '', 'pay');
  const { data } = await stripe.subscriptions.list({ customer: customer.id });
  if (!data[0]) throw new Error('paying made no subscription');
  return data[0];
}

export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Still not so after 20 s: ${condition.toString()}`);
    await pause(5);
  }
}

export const typesOf = (events: readonly Stripe.Event[]) => events.map(({ type }) => type);
