import { Injectable, Logger } from '@nestjs/common';
import { UsersService } from '../users/users.service.js';
import { StripeMissing } from './stripe/stripe-api.js';
import { StripeClient } from './stripe/stripe.client.js';
import { SubscriptionsRepository } from './subscriptions.repository.js';

/** Which of Stripe's customers a person is. */
@Injectable()
export class Customers {
  private readonly logger = new Logger(Customers.name);

  constructor(
    private readonly users: UsersService,
    private readonly subscriptions: SubscriptionsRepository,
    private readonly stripe: StripeClient,
  ) {}

  /** The customer exists, and is known here to be this person's, before there is anything to pay. */
  async getOrCreate(userId: string): Promise<string> {
    const { mobile } = await this.users.load(userId);
    const known = await this.subscriptions.find(userId);
    return (
      known?.stripeCustomerId ??
      (await this.subscriptions.linkCustomer(userId, await this.stripe.createCustomer(userId, mobile)))
    );
  }

  /** Does `work`, once more with a new customer where Stripe does not know the old one any more. */
  async orAnew<T>(userId: string, work: () => Promise<T>): Promise<T> {
    const customerId = await this.getOrCreate(userId);
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StripeMissing && error.param === 'customer')) throw error;
      this.logger.warn(
        { err: error, userId, customerId },
        'A customer is gone from Stripe; there is a new one',
      );
    }
    const { mobile } = await this.users.load(userId);
    const instead = await this.stripe.createCustomer(userId, mobile, customerId);
    await this.subscriptions.replaceCustomer(userId, customerId, instead);
    return work();
  }
}
