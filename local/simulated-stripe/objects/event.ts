import { Stripe } from 'stripe';
import { newId, now } from './make.js';

type WhatAndData<E> = E extends { type: infer Type; data: infer Data } ? { type: Type; data: Data } : never;

/** The events that the simulated Stripe makes; a new kind is one more line here. */
export type Happening = WhatAndData<
  | Stripe.CheckoutSessionCompletedEvent
  | Stripe.CheckoutSessionExpiredEvent
  | Stripe.CustomerSubscriptionCreatedEvent
  | Stripe.CustomerSubscriptionUpdatedEvent
  | Stripe.CustomerSubscriptionDeletedEvent
  | Stripe.InvoicePaidEvent
>;

export function makeEvent(happening: Happening): Stripe.Event {
  return {
    ...snapshot(happening),
    id: newId('evt'),
    object: 'event',
    api_version: Stripe.API_VERSION,
    created: now(),
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
  };
}

/** An event tells how the object was then; later changes must not reach into it. */
function snapshot<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
