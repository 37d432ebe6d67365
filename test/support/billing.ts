import { expect } from '@jest/globals';
import { Stripe } from 'stripe';
import type { Answer, Problem } from './api.js';
import { aUser, type SignedIn } from './factories.js';
import type { TestApp } from './test-app.js';
import { until } from './until.js';

export interface Checkout {
  sessionId: string;
  url: string;
  expiresAt: string;
}

export interface SubscriptionView {
  tier: 'basic' | 'pro';
  status: string | null;
  price: { id: string; amount: number; currency: string; interval: string } | null;
  currentPeriodEnd: string | null;
  cancelAtPeriodEnd: boolean;
  pastDueUntil: string | null;
  trialEnd: string | null;
  next: { code: string; at: string | null };
}

export interface StoredEvent {
  id: string;
  type: string;
  customer_id: string | null;
  status: 'pending' | 'processed' | 'ignored' | 'failed';
  attempts: number;
  last_error: string | null;
  processed_at: Date | null;
}

/** Opens a checkout that must be granted. */
export async function aCheckout(app: TestApp, user: SignedIn): Promise<Checkout> {
  const { status, body } = await app.api.post<Checkout>('/v1/billing/checkout', undefined, {
    token: user.token,
  });
  expect({ status, body }).toMatchObject({ status: 201 });
  return body;
}

/** What a person does on the hosted page: loads it, and presses the form's button. */
export async function press(pageUrl: string, label: string): Promise<Response> {
  const page = await (await fetch(pageUrl)).text();
  const form = [...page.matchAll(/<form method="post" action="([^"]+)">.*?<\/form>/gs)].find(([markup]) =>
    markup.includes(`>${label}<`),
  );
  if (form?.[1] === undefined) throw new Error(`There is no button '${label}' on:\n${page}`);
  return fetch(new URL(form[1], pageUrl), { method: 'POST', redirect: 'manual' });
}

export async function subscriptionOf(app: TestApp, user: SignedIn): Promise<SubscriptionView> {
  const { status, body } = await app.api.get<SubscriptionView>('/v1/billing/subscription', {
    token: user.token,
  });
  expect(status).toBe(200);
  return body;
}

export function untilTier(app: TestApp, user: SignedIn, tier: 'basic' | 'pro'): Promise<SubscriptionView> {
  return until(`the tier is ${tier}`, async () => {
    const subscription = await subscriptionOf(app, user);
    return subscription.tier === tier && subscription;
  });
}

/** Checks out and pays, without waiting for what that does. */
export async function pay(app: TestApp, user: SignedIn): Promise<void> {
  const { url } = await aCheckout(app, user);
  expect((await press(url, 'Pay')).status).toBe(303);
}

/** A person whose payment has made them Pro. */
export async function aPayer(app: TestApp): Promise<SignedIn> {
  const user = await aUser(app);
  await pay(app, user);
  await untilTier(app, user, 'pro');
  return user;
}

/** What a person asks of billing that takes no fields. */
export const postBilling = (
  app: TestApp,
  user: SignedIn,
  path: string,
): Promise<Answer<SubscriptionView & Problem & { url: string }>> =>
  app.api.post(`/v1/billing/${path}`, undefined, { token: user.token });

/** The subscription that Stripe itself has for this person. */
export async function stripeSubscription(app: TestApp, user: SignedIn): Promise<Stripe.Subscription> {
  const { data } = await stripeOf(app).subscriptions.list({
    customer: await customerOf(app, user),
    status: 'all',
  });
  if (!data[0]) throw new Error('Stripe has no subscription for this person');
  return data[0];
}

/** The checkouts that Stripe itself has for this person. */
export async function checkoutSessions(app: TestApp, user: SignedIn): Promise<Stripe.Checkout.Session[]> {
  const { data } = await stripeOf(app).checkout.sessions.list({ customer: await customerOf(app, user) });
  return data;
}

export async function customerOf(app: TestApp, user: SignedIn): Promise<string> {
  const { rows } = await app.database.query<{ stripe_customer_id: string }>(
    'SELECT stripe_customer_id FROM subscriptions WHERE user_id = $1',
    [user.id],
  );
  return rows[0]?.stripe_customer_id ?? '';
}

/** The team's own access to the account, beside the application's. */
export function stripeOf(app: TestApp): Stripe {
  const { hostname, port } = new URL(app.stripe.url);
  return new Stripe(app.env.STRIPE_SECRET_KEY ?? '', {
    protocol: 'http',
    host: hostname,
    port,
    telemetry: false,
  });
}

export async function storedEvents(app: TestApp): Promise<StoredEvent[]> {
  const { rows } = await app.database.query<StoredEvent>('SELECT * FROM stripe_events ORDER BY id');
  return rows;
}

export async function untilProcessed(app: TestApp, eventId: string): Promise<StoredEvent> {
  return until(`${eventId} is processed`, async () =>
    (await storedEvents(app)).find(({ id, processed_at }) => id === eventId && processed_at !== null),
  );
}

/** One that is acted on later would repair what a test makes wrong, or fail in place of the one that is to. */
export async function untilAllEventsProcessed(app: TestApp): Promise<void> {
  await until('every event so far is acted on', async () => {
    const done = new Set(
      (await storedEvents(app)).filter((event) => event.processed_at).map((event) => event.id),
    );
    return app.stripe.events.every((event) => done.has(event.id));
  });
}

/** An event as Stripe would make it; the application takes its id, type and customer. */
export function anEvent(id: string, { type = 'customer.updated', object = {} } = {}): string {
  return JSON.stringify({ id, object: 'event', type, created: 1, livemode: false, data: { object } });
}

/** POSTs a webhook, signed with the right secret unless a signature is given. */
export function sendWebhook<T = unknown>(
  app: TestApp,
  payload: string,
  signature: string | null = sign(app, payload),
): Promise<Answer<T>> {
  return app.api.post<T>('/webhook/stripe', payload, {
    headers: signature === null ? {} : { 'stripe-signature': signature },
  });
}

export function sign(
  app: TestApp,
  payload: string,
  { secret = app.env.STRIPE_WEBHOOK_SECRET ?? '', ageSeconds = 0 } = {},
): string {
  const timestamp = Math.floor(Date.now() / 1000) - ageSeconds;
  return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
}
