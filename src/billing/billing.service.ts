import { Injectable } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import type { IdempotencyClaim } from '../idempotency/idempotent.decorator.js';
import { tierAt } from '../users/user.entity.js';
import { UsersService } from '../users/users.service.js';
import { CheckoutResponse } from './dto/checkout.response.js';
import { SubscriptionResponse } from './dto/subscription.response.js';
import { StripeClient } from './stripe.client.js';
import { SubscriptionsRepository } from './subscriptions.repository.js';

@Injectable()
export class BillingService {
  constructor(
    private readonly users: UsersService,
    private readonly subscriptions: SubscriptionsRepository,
    private readonly stripe: StripeClient,
  ) {}

  /** The customer exists, and is known here to be this person's, before there is anything to pay. */
  async checkout(userId: string, claim: IdempotencyClaim | null): Promise<CheckoutResponse> {
    const user = await this.users.load(userId);
    if (tierAt(user, new Date()) === 'pro') throw new AppError('ALREADY_PRO');
    const known = await this.subscriptions.find(userId);
    const customerId =
      known?.stripeCustomerId ??
      (await this.subscriptions.linkCustomer(userId, await this.stripe.createCustomer(userId, user.mobile)));
    return CheckoutResponse.from(await this.stripe.createCheckoutSession(customerId, userId, claim?.key));
  }

  async subscription(userId: string): Promise<SubscriptionResponse> {
    const user = await this.users.load(userId);
    return SubscriptionResponse.from(tierAt(user, new Date()), await this.subscriptions.find(userId));
  }
}
