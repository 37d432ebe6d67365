export class PortalResponse {
  /**
   * Stripe's customer portal, for some minutes: send the person there.
   * @example 'https://billing.stripe.com/p/session/test_a1b2c3'
   */
  url!: string;
}
