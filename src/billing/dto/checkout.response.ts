import type { CheckoutSession } from '../stripe/stripe-checkout.client.js';

export class CheckoutResponse {
  /** @example 'cs_test_a1b2c3' */
  sessionId!: string;

  /**
   * Stripe's page: send the person there.
   * @example 'https://checkout.stripe.com/c/pay/cs_test_a1b2c3'
   */
  url!: string;

  /** Until when the page can be paid on. */
  expiresAt!: Date;

  static from({ id, url, expiresAt }: CheckoutSession): CheckoutResponse {
    if (url === null) throw new Error(`Checkout session ${id} came without a page`);
    return { sessionId: id, url, expiresAt };
  }
}
