import type { Tier } from '../users/user.entity.js';
import type { StripeSubscription } from './stripe.client.js';

const DAY_MS = 86_400_000;
/** How long an unpaid renewal keeps its tier while Stripe asks for the money. */
const PAST_DUE_GRACE_DAYS = 14;

export interface Entitlement {
  tier: Tier;
  /** Until when it holds without further word from Stripe; null: until there is word. */
  until: Date | null;
}

const BASIC: Entitlement = { tier: 'basic', until: null };

/**
 * What a subscription entitles to. A status that is not named here, one that Stripe may invent tomorrow included,
 * entitles to nothing.
 */
export function entitlementOf(subscription: StripeSubscription | undefined): Entitlement {
  switch (subscription?.status) {
    case 'active':
    case 'trialing':
      return { tier: 'pro', until: subscription.cancelAtPeriodEnd ? subscription.currentPeriodEnd : null };
    case 'past_due':
      // The period that could not be paid has begun when the renewal failed.
      return {
        tier: 'pro',
        until: new Date(subscription.currentPeriodStart.getTime() + PAST_DUE_GRACE_DAYS * DAY_MS),
      };
    default:
      return BASIC;
  }
}

/** The subscription that counts among all a customer ever had: one that entitles before one that does not, then the newest. */
export function pickSubscription(
  subscriptions: readonly StripeSubscription[],
): StripeSubscription | undefined {
  const rank = (subscription: StripeSubscription): number =>
    entitlementOf(subscription).tier === 'pro' ? 1 : 0;
  return [...subscriptions].sort(
    (a, b) => rank(b) - rank(a) || b.createdAt.getTime() - a.createdAt.getTime(),
  )[0];
}
