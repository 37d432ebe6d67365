import { type Tier, tierAt, type User } from '../../users/user.entity.js';
import type { Subscription } from '../subscription.entity.js';

export class SubscriptionPriceResponse {
  /** @example 'price_1QxPro' */
  id!: string;

  /**
   * Minor units: 999 is 9.99.
   * @example 999
   */
  amount!: number | null;

  /**
   * ISO 4217, lower case.
   * @example 'usd'
   */
  currency!: string | null;

  /**
   * How often it is paid.
   * @example 'month'
   */
  interval!: string | null;
}

export class NextStepResponse {
  /**
   * `renews`: it is paid for again. `ends`: Pro ends. `payment_due`: a payment failed; pay until then to stay Pro, or
   * to be it again. `none`: there is nothing to come.
   * @example 'renews'
   */
  code!: 'renews' | 'ends' | 'payment_due' | 'none';

  /** When that is; null where there is no date. */
  at!: Date | null;
}

export class SubscriptionResponse {
  /** What the person is entitled to right now. */
  tier!: Tier;

  /**
   * Stripe's word for the state of the subscription; null when there never was one.
   * @example 'active'
   */
  status!: string | null;

  price!: SubscriptionPriceResponse | null;

  /** End of the period that gives the tier; null when none does. */
  currentPeriodEnd!: Date | null;

  /** True when it will not renew: Pro until the end of the period. */
  cancelAtPeriodEnd!: boolean;

  /** Until when an unpaid renewal keeps Pro; null when all is paid. */
  pastDueUntil!: Date | null;

  /** When the trial ends, or ended; null when there is none. */
  trialEnd!: Date | null;

  next!: NextStepResponse;

  static from(user: Pick<User, 'tier' | 'tierUntil'>, row: Subscription | null): SubscriptionResponse {
    const tier = tierAt(user, new Date());
    const current = tier === 'pro' ? row : null;
    return {
      tier,
      status: row?.status ?? null,
      price: priceOf(row),
      currentPeriodEnd: current?.currentPeriodEnd ?? null,
      cancelAtPeriodEnd: current?.cancelAtPeriodEnd ?? false,
      pastDueUntil: row?.status === 'past_due' ? user.tierUntil : null,
      trialEnd: row?.trialEnd ?? null,
      next: nextOf(user, row),
    };
  }
}

function priceOf(row: Subscription | null): SubscriptionPriceResponse | null {
  if (row?.priceId == null) return null;
  const { priceId: id, amount, currency, interval } = row;
  return { id, amount, currency, interval };
}

function nextOf({ tierUntil }: Pick<User, 'tierUntil'>, row: Subscription | null): NextStepResponse {
  switch (row?.status) {
    case 'active':
    case 'trialing':
      return row.cancelAtPeriodEnd
        ? { code: 'ends', at: tierUntil ?? row.currentPeriodEnd }
        : { code: 'renews', at: row.currentPeriodEnd };
    case 'past_due':
      return { code: 'payment_due', at: tierUntil };
    case 'unpaid':
    case 'paused':
    case 'incomplete':
      return { code: 'payment_due', at: null };
    default:
      return { code: 'none', at: null };
  }
}
