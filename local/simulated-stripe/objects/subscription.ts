import type { Stripe } from 'stripe';
import { newId, nulls } from './make.js';
import { DAY, type Period, periodFrom } from './period.js';
import { planOf } from './price.js';

export interface SubscriptionTerms {
  customer: string;
  price: Stripe.Price;
  quantity: number;
  metadata: Stripe.Metadata;
  trialDays?: number | undefined;
  taxed: boolean;
  paymentMethod: string | null;
  /** What happens when the trial ends and there is no card. */
  missingPaymentMethod: Stripe.Subscription.TrialSettings.EndBehavior.MissingPaymentMethod;
  status: Stripe.Subscription.Status;
}

/** A subscription whose first period, or trial, starts now. */
export function makeSubscription(terms: SubscriptionTerms, created: number): Stripe.Subscription {
  const { customer, price, quantity, metadata, trialDays, status } = terms;
  const id = newId('sub');
  const trialEnd = trialDays === undefined ? null : created + trialDays * DAY;
  const period = trialEnd ? { start: created, end: trialEnd } : periodFrom(created, created, price);
  return {
    ...nulls('application', 'application_fee_percent', 'billing_cycle_anchor_config', 'billing_thresholds'),
    ...nulls('cancel_at', 'canceled_at', 'customer_account', 'days_until_due'),
    ...nulls('default_source', 'description', 'ended_at', 'latest_invoice', 'managed_payments'),
    ...nulls('next_pending_invoice_item_invoice', 'on_behalf_of', 'pause_collection', 'payment_settings'),
    ...nulls('pending_invoice_item_interval', 'pending_setup_intent', 'pending_update', 'schedule'),
    ...nulls('test_clock', 'transfer_data'),
    id,
    object: 'subscription',
    automatic_tax: { disabled_reason: null, enabled: terms.taxed, liability: null },
    billing_cycle_anchor: trialEnd ?? created,
    billing_mode: { flexible: null, type: 'flexible' },
    billing_schedules: [],
    cancel_at_period_end: false,
    cancellation_details: nulls('comment', 'feedback', 'feedback_option', 'reason'),
    collection_method: 'charge_automatically',
    created,
    currency: price.currency,
    customer,
    default_payment_method: terms.paymentMethod,
    default_tax_rates: [],
    discounts: [],
    invoice_settings: {
      ...nulls('account_tax_ids', 'custom_fields', 'description', 'footer'),
      issuer: { type: 'self' },
    },
    items: {
      object: 'list',
      data: [makeItem(id, created, price, quantity, period)],
      has_more: false,
      url: `/v1/subscription_items?subscription=${id}`,
    },
    livemode: false,
    metadata,
    start_date: created,
    status,
    trial_end: trialEnd,
    trial_settings: {
      end_behavior: { billing_cycle_anchor: null, missing_payment_method: terms.missingPaymentMethod },
    },
    trial_start: trialEnd && created,
  };
}

function makeItem(
  subscription: string,
  created: number,
  price: Stripe.Price,
  quantity: number,
  period: Period,
): Stripe.SubscriptionItem {
  return {
    ...nulls('billing_thresholds', 'current_trial'),
    id: newId('si'),
    object: 'subscription_item',
    created,
    current_period_start: period.start,
    current_period_end: period.end,
    discounts: [],
    metadata: {},
    plan: planOf(price),
    price,
    quantity,
    subscription,
    tax_rates: [],
  };
}

/** Every subscription here has exactly one item. */
export function itemOf(subscription: Stripe.Subscription): Stripe.SubscriptionItem {
  const [item] = subscription.items.data;
  if (!item) throw new Error(`${subscription.id} has no item`);
  return item;
}

export function idOf(thing: string | { id: string } | null): string {
  return typeof thing === 'string' ? thing : (thing?.id ?? '');
}
