import type { Stripe } from 'stripe';

/** A subscription as Stripe has it right now. */
export interface StripeSubscription {
  id: string;
  /** Stripe's word, which may be one that does not exist yet. */
  status: string;
  createdAt: Date;
  /** Whether what is paid for is Pro: the same account may sell other things. */
  grantsPro: boolean;
  priceId: string;
  /** month, year, …; null for prices that do not recur. */
  interval: string | null;
  /** Minor units of `currency`; null for prices without a fixed amount. */
  amount: number | null;
  currency: string;
  currentPeriodEnd: Date;
  /** When it ends without renewing; null while it renews. */
  endsAt: Date | null;
  /** How it was told to end: a date has to be taken away as a date. */
  endsBy: 'flag' | 'date' | null;
  trialEnd: Date | null;
  /** Since when it is past due, in a row; null when it is not, or where no invoice says so. */
  pastDueSince: Date | null;
}

/** @param proProducts what counts as Pro */
export function toSubscription(
  subscription: Stripe.Subscription,
  proProducts: ReadonlySet<string>,
): StripeSubscription {
  const { data: items } = subscription.items;
  const proItem = items.find(({ price }) => proProducts.has(idOf(price.product)));
  const item = proItem ?? items[0];
  if (item === undefined) throw new Error(`Subscription ${subscription.id} has no item`);
  const { price } = item;
  return {
    id: subscription.id,
    status: subscription.status,
    createdAt: dateOf(subscription.created),
    grantsPro: proItem !== undefined,
    priceId: price.id,
    interval: price.recurring?.interval ?? null,
    amount: price.unit_amount,
    currency: price.currency,
    currentPeriodEnd: dateOf(item.current_period_end),
    ...endOf(item.current_period_end, subscription),
    trialEnd: subscription.trial_end === null ? null : dateOf(subscription.trial_end),
    pastDueSince: null,
  };
}

/**
 * The customer portal sets the date, and not the flag that says the same, when the billing mode is "flexible". A date
 * after the period is none yet: the subscription renews before.
 * https://docs.stripe.com/billing/subscriptions/billing-mode/compare
 */
function endOf(
  periodEnd: number,
  { cancel_at: cancelAt, cancel_at_period_end: flag }: Stripe.Subscription,
): Pick<StripeSubscription, 'endsAt' | 'endsBy'> {
  if (flag) return { endsAt: dateOf(periodEnd), endsBy: 'flag' };
  return cancelAt !== null && cancelAt <= periodEnd
    ? { endsAt: dateOf(cancelAt), endsBy: 'date' }
    : { endsAt: null, endsBy: null };
}

/**
 * When the unpaid invoices in a row, up to now, began; null when the newest one is paid. Drafts and voided ones count
 * for nothing.
 *
 * @param newestFirst the invoices of one subscription
 */
export function unpaidSince(newestFirst: readonly Stripe.Invoice[]): Date | null {
  let since: number | null = null;
  for (const { status, status_transitions: moments, created } of newestFirst) {
    if (status === 'paid') break;
    if (status === 'open' || status === 'uncollectible') since = moments.finalized_at ?? created;
  }
  return since === null ? null : dateOf(since);
}

export const dateOf = (seconds: number): Date => new Date(seconds * 1000);

/** The id of what Stripe may have expanded. */
export const idOf = (object: string | { id: string }): string =>
  typeof object === 'string' ? object : object.id;
