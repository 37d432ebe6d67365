import { Stripe } from 'stripe';
import { nulls } from './make.js';

/** The product that exists from the start: Pro at 9.99 USD a month or 99.90 USD a year. */
export const PRO_PRODUCT_NAME = 'Pro';
const PRO_PRODUCT_ID = 'prod_simulated_pro';
const UNIT_AMOUNTS = { month: 999, year: 9990 };
const PRO_CURRENCY = 'usd';
const PRO_CREATED = Date.UTC(2026, 0, 1) / 1000;

export type Interval = keyof typeof UNIT_AMOUNTS;

export function makeProPrice(id: string, interval: Interval): Stripe.Price {
  return {
    ...nulls('custom_unit_amount', 'lookup_key', 'nickname', 'tiers_mode', 'transform_quantity'),
    id,
    object: 'price',
    active: true,
    billing_scheme: 'per_unit',
    created: PRO_CREATED,
    currency: PRO_CURRENCY,
    livemode: false,
    metadata: {},
    product: PRO_PRODUCT_ID,
    recurring: {
      interval,
      interval_count: 1,
      meter: null,
      trial_period_days: null,
      usage_type: 'licensed',
    },
    tax_behavior: 'exclusive',
    type: 'recurring',
    unit_amount: UNIT_AMOUNTS[interval],
    unit_amount_decimal: Stripe.Decimal.from(UNIT_AMOUNTS[interval]),
  };
}

export function intervalOf(price: Stripe.Price): Interval {
  return price.recurring?.interval === 'year' ? 'year' : 'month';
}

/** A subscription item still carries the price in its older form. */
export function planOf(price: Stripe.Price): Stripe.Plan {
  return {
    ...nulls('meter', 'nickname', 'tiers_mode', 'transform_usage', 'trial_period_days'),
    id: price.id,
    object: 'plan',
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    interval: intervalOf(price),
    interval_count: 1,
    livemode: false,
    metadata: {},
    product: price.product,
    usage_type: 'licensed',
  };
}
