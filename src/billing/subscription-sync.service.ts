import { Injectable } from '@nestjs/common';
import { entitlementOf, pickSubscription } from './entitlement.js';
import { StripeClient } from './stripe.client.js';
import { SubscriptionsRepository } from './subscriptions.repository.js';

/** What Stripe says is what we do: fetches a customer's subscriptions anew and writes the one row. */
@Injectable()
export class SubscriptionSync {
  constructor(
    private readonly stripe: StripeClient,
    private readonly subscriptions: SubscriptionsRepository,
  ) {}

  /** @returns false when the customer is not ours */
  sync(customerId: string): Promise<boolean> {
    return this.subscriptions.sync(customerId, async () => {
      const subscription = pickSubscription(await this.stripe.listSubscriptions(customerId));
      return { subscription, entitlement: entitlementOf(subscription) };
    });
  }
}
