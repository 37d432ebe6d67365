import type { Tier } from '../../users/user.entity.js';
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

  static from(tier: Tier, row: Subscription | null): SubscriptionResponse {
    const current = tier === 'pro' ? row : null;
    return {
      tier,
      status: row?.status ?? null,
      price: row?.priceId == null ? null : { id: row.priceId, amount: row.amount, currency: row.currency },
      currentPeriodEnd: current?.currentPeriodEnd ?? null,
      cancelAtPeriodEnd: current?.cancelAtPeriodEnd ?? false,
    };
  }
}
