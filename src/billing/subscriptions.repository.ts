import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, MoreThan, Repository } from 'typeorm';
import { User } from '../users/user.entity.js';
import { DuplicateSubscription } from './duplicate-subscription.entity.js';
import type { Choice, Entitlement } from './entitlement.js';
import type { StripeSubscription } from './stripe/stripe-subscription.js';
import { Subscription } from './subscription.entity.js';

export interface SubscriptionState extends Choice {
  entitlement: Entitlement;
  firstSubscribedAt: Date | null;
}

/** Whose row: a person's, or a customer's. */
export type Whose = { userId: string } | { stripeCustomerId: string };

/** A row that is locked, by one process alone, until the work on it has ended. */
export interface HeldSubscription {
  row: Subscription;
  /** When it was locked, by the database's clock, which tells when events came, too. */
  heldAt: Date;
  /** Writes subscription, tier and duplicates together. Returns whether any of it was different. */
  write(state: SubscriptionState): Promise<boolean>;
}

@Injectable()
export class SubscriptionsRepository {
  constructor(@InjectRepository(Subscription) private readonly subscriptions: Repository<Subscription>) {}

  find(userId: string): Promise<Subscription | null> {
    return this.subscriptions.findOneBy({ userId });
  }

  /** With the person, both as of one moment: status and tier are written together, and are to be told together. */
  async findWithPerson(userId: string): Promise<[Subscription, User] | null> {
    const row = await this.subscriptions.findOne({ where: { userId }, relations: { user: true } });
    return row?.user ? [row, row.user] : null;
  }

  /** Forgets a customer that is no more. */
  async forget(userId: string, stripeCustomerId: string): Promise<void> {
    await this.subscriptions.delete({ userId, stripeCustomerId });
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

  /** Puts a new customer in the place of one who is gone, unless somebody did. */
  async replaceCustomer(userId: string, gone: string, stripeCustomerId: string): Promise<void> {
    await this.subscriptions.update({ userId, stripeCustomerId: gone }, { stripeCustomerId });
  }

  /** The customers of the next people, in the order of their ids. */
  listCustomers(
    afterUserId: string,
    limit: number,
  ): Promise<Pick<Subscription, 'userId' | 'stripeCustomerId'>[]> {
    return this.subscriptions.find({
      select: { userId: true, stripeCustomerId: true },
      where: { userId: MoreThan(afterUserId) },
      order: { userId: 'ASC' },
      take: limit,
    });
  }

  /**
   * Holds a row locked while `work` asks Stripe: two of one customer run one after the other, so an older answer never
   * overwrites a newer one, and nobody checks out twice at once.
   *
   * @returns null when there is no such row
   */
  hold<T>(whose: Whose, work: (held: HeldSubscription) => Promise<T>): Promise<T | null> {
    return this.subscriptions.manager.transaction(async (manager) => {
      const row = await manager.findOne(Subscription, { where: whose, lock: { mode: 'pessimistic_write' } });
      if (row === null) return null;
      const [{ now: heldAt }] = await manager.query<[{ now: Date }]>('SELECT clock_timestamp() AS now');
      return work({ row, heldAt, write: (state) => write(manager, row, heldAt, state) });
    });
  }
}

async function write(
  manager: EntityManager,
  row: Subscription,
  syncedAt: Date,
  state: SubscriptionState,
): Promise<boolean> {
  const columns = columnsOf(state.subscription);
  const different = differ(columns, row);
  const { userId } = row;
  const firstSubscribedAt = row.firstSubscribedAt ?? state.firstSubscribedAt;
  await manager.update(Subscription, { userId }, { ...columns, firstSubscribedAt, syncedAt });
  Object.assign(row, columns, { firstSubscribedAt, syncedAt });
  const { tier, until } = state.entitlement;
  const { affected } = await manager
    .createQueryBuilder()
    .update(User)
    .set({ tier, tierUntil: until })
    .where('id = :userId AND (tier, tier_until) IS DISTINCT FROM (:tier, :until::timestamptz)', {
      userId,
      tier,
      until,
    })
    .execute();
  const keptId = state.subscription?.id ?? '';
  const duplicates = state.duplicates.map(({ id, createdAt }) => ({
    userId,
    id,
    keptId,
    subscribedAt: createdAt,
  }));
  if (duplicates.length > 0) {
    await manager
      .createQueryBuilder()
      .insert()
      .into(DuplicateSubscription)
      .values(duplicates)
      .orIgnore()
      .execute();
  }
  return different || affected !== 0;
}

function columnsOf(subscription: StripeSubscription | undefined) {
  return {
    stripeSubscriptionId: subscription?.id ?? null,
    status: subscription?.status ?? null,
    priceId: subscription?.priceId ?? null,
    interval: subscription?.interval ?? null,
    amount: subscription?.amount ?? null,
    currency: subscription?.currency ?? null,
    currentPeriodEnd: subscription?.currentPeriodEnd ?? null,
    cancelAtPeriodEnd: subscription !== undefined && subscription.endsAt !== null,
    trialEnd: subscription?.trialEnd ?? null,
    pastDueSince: subscription?.pastDueSince ?? null,
  } satisfies Partial<Subscription>;
}

function differ(columns: ReturnType<typeof columnsOf>, row: Subscription): boolean {
  return Object.entries(columns).some(([name, value]) => {
    const stored = row[name as keyof typeof columns];
    return value instanceof Date && stored instanceof Date
      ? value.getTime() !== stored.getTime()
      : value !== stored;
  });
}
