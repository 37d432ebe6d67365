import { Injectable, Logger } from '@nestjs/common';
import { Slots } from '../common/slots.js';
import { Env } from '../config/env.js';
import { DuplicateSubscriptionsRepository } from './duplicate-subscriptions.repository.js';
import { choose, entitlementOf } from './entitlement.js';
import { StripeMissing } from './stripe/stripe-api.js';
import { StripeClient } from './stripe/stripe.client.js';
import type { StripeSubscription } from './stripe/stripe-subscription.js';
import {
  type HeldSubscription,
  type SubscriptionState,
  SubscriptionsRepository,
  type Whose,
} from './subscriptions.repository.js';

/** What a sync has found: `fresh` when Stripe was asked since, and so need not be asked again. */
export type SyncOutcome = 'unknown customer' | 'fresh' | 'unchanged' | 'changed';

export interface SyncResult {
  outcome: SyncOutcome;
  /** When Stripe was asked: whatever happened before is in the row. Null for nobody's customer. */
  askedAt: Date | null;
}

/** What Stripe said just now, and what it has been written as. */
export interface Synced extends SubscriptionState {
  held: HeldSubscription;
  outcome: 'unchanged' | 'changed';
  /** Stripe has no such customer, or not any more. */
  customerIsGone: boolean;
}

/** What Stripe says is what we do: fetches a customer's subscriptions anew and writes the one row. */
@Injectable()
export class SubscriptionSync {
  private readonly logger = new Logger(SubscriptionSync.name);
  private readonly slots: Slots;

  constructor(
    private readonly env: Env,
    private readonly stripe: StripeClient,
    private readonly subscriptions: SubscriptionsRepository,
    private readonly duplicates: DuplicateSubscriptionsRepository,
  ) {
    // Each holds a connection to Postgres while it asks Stripe; the others are for everybody else.
    this.slots = new Slots(Math.max(1, Math.floor(env.DATABASE_POOL_SIZE / 2)));
  }

  /** @param since a moment; where Stripe was asked later than that, it is not asked again */
  async sync(whose: Whose, since?: Date): Promise<SyncResult> {
    const found = await this.slots.run(() =>
      this.subscriptions.hold(whose, async (held) => {
        const { userId, syncedAt } = held.row;
        const fresh = since !== undefined && syncedAt !== null && syncedAt > since;
        if (fresh) return { userId, outcome: 'fresh' as const, askedAt: syncedAt };
        return { userId, outcome: (await this.fetch(held)).outcome, askedAt: held.heldAt };
      }),
    );
    if (found === null) return { outcome: 'unknown customer', askedAt: null };
    await this.settleDuplicates(found.userId);
    return found;
  }

  /**
   * Does `work` right after a sync, while nobody else can act on this person's subscription. What is not to undo the
   * sync is returned, and not thrown.
   *
   * @returns null when the person is no customer
   */
  async withFresh<T>(userId: string, work: (synced: Synced) => Promise<T>): Promise<T | null> {
    const result = await this.slots.run(() =>
      this.subscriptions.hold({ userId }, async (held) => ({ value: await work(await this.fetch(held)) })),
    );
    if (result === null) return null;
    await this.settleDuplicates(userId);
    return result.value;
  }

  private async fetch(held: HeldSubscription): Promise<Synced> {
    const all = await this.listSubscriptions(held.row.stripeCustomerId);
    const choice = choose((all ?? []).map((each) => withPastDueSince(each, held)));
    const state: SubscriptionState = {
      ...choice,
      entitlement: entitlementOf(choice.subscription, this.env.STRIPE_PAST_DUE_GRACE_DAYS),
      firstSubscribedAt: earliest(all ?? []),
    };
    const changed = await held.write(state);
    return { ...state, held, outcome: changed ? 'changed' : 'unchanged', customerIsGone: all === null };
  }

  /** Null when the customer is gone, and with them every subscription. */
  private async listSubscriptions(customerId: string): Promise<StripeSubscription[] | null> {
    try {
      return await this.stripe.listSubscriptions(customerId);
    } catch (error) {
      if (error instanceof StripeMissing && error.param === 'customer') return null;
      throw error;
    }
  }

  /** After the row is stored: what is to be cancelled is known from then on, whatever dies. */
  private async settleDuplicates(userId: string): Promise<void> {
    for (const duplicate of await this.duplicates.listUnsettled(userId)) {
      const refund = await this.stripe.cancelAndRefund(duplicate.id);
      await this.duplicates.markSettled(duplicate, refund);
      const facts = { userId, subscriptionId: duplicate.id, keptId: duplicate.keptId, refund };
      if (refund.complete) this.logger.warn(facts, 'A second subscription was cancelled and refunded');
      else this.logger.error(facts, 'A second subscription was cancelled; Stripe would not refund all of it');
    }
  }
}

/** Where no invoice says since when it is past due: since we first saw it. */
function withPastDueSince(
  subscription: StripeSubscription,
  { row, heldAt }: HeldSubscription,
): StripeSubscription {
  if (subscription.status !== 'past_due' || subscription.pastDueSince !== null) return subscription;
  const known = row.stripeSubscriptionId === subscription.id ? row.pastDueSince : null;
  return { ...subscription, pastDueSince: known ?? heldAt };
}

function earliest(subscriptions: readonly StripeSubscription[]): Date | null {
  const times = subscriptions
    .filter(({ grantsPro }) => grantsPro)
    .map(({ createdAt }) => createdAt.getTime());
  return times.length === 0 ? null : new Date(Math.min(...times));
}
