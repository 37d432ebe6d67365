import type { Stripe } from 'stripe';
import { newId, now, nulls, oneMonthAfter } from './make.js';
import { planOf } from './price.js';

export interface SubscriptionTerms {
  customer: string;
  price: Stripe.Price;
  quantity: number;
  metadata: Stripe.Metadata;
}

/** An active, paid subscription whose first month starts now. */
export function makeSubscription({
  customer,
  price,
  quantity,
  metadata,
}: SubscriptionTerms): Stripe.Subscription {
  const id = newId('sub');
  const created = now();
  return {
    ...nulls('application', 'application_fee_percent', 'billing_cycle_anchor_config', 'billing_thresholds'),
    ...nulls('cancel_at', 'canceled_at', 'customer_account', 'days_until_due', 'default_payment_method'),
    ...nulls('default_source', 'description', 'ended_at', 'latest_invoice', 'managed_payments'),
    ...nulls('next_pending_invoice_item_invoice', 'on_behalf_of', 'pause_collection', 'payment_settings'),
    ...nulls('pending_invoice_item_interval', 'pending_setup_intent', 'pending_update', 'schedule'),
    ...nulls('test_clock', 'transfer_data', 'trial_end', 'trial_settings', 'trial_start'),
    id,
    object: 'subscription',
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: created,
    billing_mode: { flexible: null, type: 'flexible' },
    billing_schedules: [],
    cancel_at_period_end: false,
    cancellation_details: nulls('comment', 'feedback', 'feedback_option', 'reason'),
    collection_method: 'charge_automatically',
    created,
    currency: price.currency,
    customer,
    default_tax_rates: [],
    discounts: [],
    invoice_settings: {
      ...nulls('account_tax_ids', 'custom_fields', 'description', 'footer'),
      issuer: { type: 'self' },
    },
    items: {
      object: 'list',
      data: [makeItem(id, created, price, quantity)],
      has_more: false,
      url: `/v1/subscription_items?subscription=${id}`,
    },
    livemode: false,
    metadata,
    start_date: created,
    status: 'active',
  };
}

function makeItem(
  subscription: string,
  created: number,
  price: Stripe.Price,
  quantity: number,
): Stripe.SubscriptionItem {
  return {
    ...nulls('billing_thresholds', 'current_trial'),
    id: newId('si'),
    object: 'subscription_item',
    created,
    current_period_start: created,
    current_period_end: oneMonthAfter(created),
    discounts: [],
    metadata: {},
    plan: planOf(price),
    price,
    quantity,
    subscription,
    tax_rates: [],
  };
}
