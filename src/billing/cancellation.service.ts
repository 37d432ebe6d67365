import { Injectable } from '@nestjs/common';
import { AppError, type ProblemCode } from '../common/app-error.js';
import { BillingService } from './billing.service.js';
import type { SubscriptionResponse } from './dto/subscription.response.js';
import { isUnfinished } from './entitlement.js';
import { StripeClient } from './stripe/stripe.client.js';
import type { StripeSubscription } from './stripe/stripe-subscription.js';
import { SubscriptionSync } from './subscription-sync.service.js';

/** Lets a subscription end with its period, or go on after all. Both may be asked for again. */
@Injectable()
export class CancellationService {
  constructor(
    private readonly billing: BillingService,
    private readonly sync: SubscriptionSync,
    private readonly stripe: StripeClient,
  ) {}

  cancel(userId: string): Promise<SubscriptionResponse> {
    return this.change(userId, async (subscription) => {
      if (subscription.endsAt === null) await this.stripe.cancelAtPeriodEnd(subscription.id);
    });
  }

  resume(userId: string): Promise<SubscriptionResponse> {
    return this.change(userId, async (subscription) => {
      if (subscription.endsAt !== null) await this.stripe.resume(subscription);
    });
  }

  /** Decided by what Stripe says now, and answered with what it says afterwards. */
  private async change(
    userId: string,
    act: (subscription: StripeSubscription) => Promise<void>,
  ): Promise<SubscriptionResponse> {
    const refusal = await this.sync.withFresh<ProblemCode | null>(userId, async ({ subscription }) => {
      if (subscription === undefined) return 'SUBSCRIPTION_NOT_FOUND';
      if (!isUnfinished(subscription)) return 'SUBSCRIPTION_ENDED';
      await act(subscription);
      return null;
    });
    if (refusal !== null) throw new AppError(refusal);
    const { outcome } = await this.sync.sync({ userId });
    if (outcome === 'unknown customer') throw new AppError('SUBSCRIPTION_NOT_FOUND');
    return this.billing.subscription(userId);
  }
}
