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
      return { tier: 'pro', until: knownEnd(subscription) };
    case 'past_due': {
      // The period that could not be paid has begun when the renewal failed.
      const graceEnd = new Date(subscription.currentPeriodStart.getTime() + PAST_DUE_GRACE_DAYS * DAY_MS);
      const end = knownEnd(subscription);
      return { tier: 'pro', until: end !== null && end < graceEnd ? end : graceEnd };
    }
    default:
      return BASIC;
  }
}

/** The subscription that counts among all a customer ever had: the one that entitles for longest, then the newest. */
export function pickSubscription(
  subscriptions: readonly StripeSubscription[],
): StripeSubscription | undefined {
  return [...subscriptions].sort(
    (a, b) => entitledUntil(b) - entitledUntil(a) || b.createdAt.getTime() - a.createdAt.getTime(),
  )[0];
}

function knownEnd({ cancelAtPeriodEnd, currentPeriodEnd }: StripeSubscription): Date | null {
  return cancelAtPeriodEnd ? currentPeriodEnd : null;
}

/** Epoch ms; finite, so that two can be subtracted. */
function entitledUntil(subscription: StripeSubscription): number {
  const { tier, until } = entitlementOf(subscription);
  return tier === 'pro' ? (until?.getTime() ?? Number.MAX_SAFE_INTEGER) : 0;
}
