import type { Tier } from '../../users/user.entity.js';
import type { CheckoutSession } from '../stripe/stripe-checkout.client.js';

export class CheckoutStatusResponse {
  /** @example 'cs_test_a1b2c3' */
  sessionId!: string;

  /**
   * `open` can still be paid on, `complete` was gone through to its end, `expired` cannot be paid on any more.
   * @example 'complete'
   */
  status!: 'open' | 'complete' | 'expired';

  /**
   * Stripe's word: `paid`, `unpaid`, or `no_payment_required` for one that begins with a trial.
   * @example 'paid'
   */
  paymentStatus!: string;

  /** What the person is entitled to now, with what this session brought. */
  tier!: Tier;

  static from(session: CheckoutSession, tier: Tier): CheckoutStatusResponse {
    const { id, status, paymentStatus } = session;
    return {
      sessionId: id,
      status: status === 'complete' || status === 'expired' ? status : 'open',
      paymentStatus,
      tier,
    };
  }
}
