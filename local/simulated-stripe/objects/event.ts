import { Stripe } from 'stripe';
import { newId, snapshot } from './make.js';

type WhatAndData<E> = E extends { type: infer Type; data: infer Data } ? { type: Type; data: Data } : never;

/** The events that the simulated Stripe makes; a new kind is one more line here. */
export type Happening = WhatAndData<
  | Stripe.ChargeRefundedEvent
  | Stripe.CheckoutSessionAsyncPaymentSucceededEvent
  | Stripe.CheckoutSessionCompletedEvent
  | Stripe.CheckoutSessionExpiredEvent
  | Stripe.CustomerDeletedEvent
  | Stripe.CustomerSubscriptionCreatedEvent
  | Stripe.CustomerSubscriptionDeletedEvent
  | Stripe.CustomerSubscriptionPausedEvent
  | Stripe.CustomerSubscriptionResumedEvent
  | Stripe.CustomerSubscriptionTrialWillEndEvent
  | Stripe.CustomerSubscriptionUpdatedEvent
  | Stripe.InvoiceCreatedEvent
  | Stripe.InvoiceFinalizedEvent
  | Stripe.InvoicePaidEvent
  | Stripe.InvoicePaymentFailedEvent
  | Stripe.InvoiceVoidedEvent
  | Stripe.RefundCreatedEvent
>;

export function makeEvent(happening: Happening, created: number): Stripe.Event {
  return {
    ...snapshot(happening),
    id: newId('evt'),
    object: 'event',
    api_version: Stripe.API_VERSION,
    created,
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
  };
}
