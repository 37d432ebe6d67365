import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { User } from '../users/user.entity.js';
import type { Entitlement } from './entitlement.js';
import type { StripeSubscription } from './stripe.client.js';
import { Subscription } from './subscription.entity.js';

export interface SubscriptionState {
  subscription: StripeSubscription | undefined;
  entitlement: Entitlement;
}

@Injectable()
export class SubscriptionsRepository {
  constructor(@InjectRepository(Subscription) private readonly subscriptions: Repository<Subscription>) {}

  find(userId: string): Promise<Subscription | null> {
    return this.subscriptions.findOneBy({ userId });
  }

  /** Remembers whose customer this is; the first one stays. Returns the one that counts. */
  async linkCustomer(userId: string, stripeCustomerId: string): Promise<string> {
    await this.subscriptions
      .createQueryBuilder()
      .insert()
      .values({ userId, stripeCustomerId })
      .orIgnore()
      .execute();
    return (await this.subscriptions.findOneByOrFail({ userId })).stripeCustomerId;
  }

  /**
   * Holds the customer's row locked while `fetch` asks Stripe, then writes subscription and tier together: two syncs
   * of one customer run one after the other, so an older answer never overwrites a newer one.
   *
   * @returns false when the customer is not ours
   */
  sync(stripeCustomerId: string, fetch: () => Promise<SubscriptionState>): Promise<boolean> {
    return this.subscriptions.manager.transaction(async (manager) => {
      const row = await manager.findOne(Subscription, {
        where: { stripeCustomerId },
        lock: { mode: 'pessimistic_write' },
      });
      if (row === null) return false;
      const { subscription, entitlement } = await fetch();
      await manager.update(Subscription, { userId: row.userId }, columnsOf(subscription));
      await manager.update(
        User,
        { id: row.userId },
        { tier: entitlement.tier, tierUntil: entitlement.until },
      );
      return true;
    });
  }
}

function columnsOf(subscription: StripeSubscription | undefined): Partial<Subscription> {
  return {
    stripeSubscriptionId: subscription?.id ?? null,
    status: subscription?.status ?? null,
    priceId: subscription?.priceId ?? null,
    amount: subscription?.amount ?? null,
    currency: subscription?.currency ?? null,
    currentPeriodEnd: subscription?.currentPeriodEnd ?? null,
    cancelAtPeriodEnd: subscription?.cancelAtPeriodEnd ?? false,
  };
}
