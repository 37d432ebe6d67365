import { Injectable } from '@nestjs/common';
import { StripeClient } from './stripe/stripe.client.js';
import { SubscriptionsRepository } from './subscriptions.repository.js';

/** The end of a person's dealings with Stripe, for an account that is being deleted. */
@Injectable()
export class CustomerEnd {
  constructor(
    private readonly stripe: StripeClient,
    private readonly subscriptions: SubscriptionsRepository,
  ) {}

  /**
   * Ends what there is at Stripe, and only then forgets whose customer it was. Can be repeated.
   *
   * @throws AppError PAYMENT_PROVIDER_UNAVAILABLE; nothing is forgotten then
   */
  async run(userId: string): Promise<void> {
    const known = await this.subscriptions.find(userId);
    if (known === null) return;
    await this.stripe.endCustomer(known.stripeCustomerId);
    await this.subscriptions.forget(userId, known.stripeCustomerId);
  }
}
