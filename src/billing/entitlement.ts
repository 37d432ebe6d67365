import type { Tier } from '../users/user.entity.js';
import type { StripeSubscription } from './stripe/stripe-subscription.js';

const DAY_MS = 86_400_000;

export interface Entitlement {
  tier: Tier;
  /** Until when it holds without further word from Stripe; null: until there is word. */
  until: Date | null;
}

const BASIC: Entitlement = { tier: 'basic', until: null };

/**
 * What a subscription entitles to. Another product entitles to nothing, and so does a status that is not named here,
 * one that Stripe may invent tomorrow included.
 *
 * @param graceDays how long it entitles while it is past due, from when it became so
 */
export function entitlementOf(subscription: StripeSubscription | undefined, graceDays: number): Entitlement {
  if (!subscription?.grantsPro) return BASIC;
  switch (subscription.status) {
    case 'active':
    case 'trialing':
      return { tier: 'pro', until: subscription.endsAt };
    case 'past_due':
      return pastDue(subscription, graceDays);
    default:
      return BASIC;
  }
}

function pastDue({ pastDueSince, endsAt }: StripeSubscription, graceDays: number): Entitlement {
  if (pastDueSince === null) return BASIC;
  const graceEnd = new Date(pastDueSince.getTime() + graceDays * DAY_MS);
  return { tier: 'pro', until: endsAt !== null && endsAt < graceEnd ? endsAt : graceEnd };
}

/** Those that give Pro or can ask for money again, so that a second one beside it would be paid twice. */
const UNFINISHED = new Set(['active', 'trialing', 'past_due', 'unpaid', 'paused']);
const LIVE = new Set(['active', 'trialing', 'past_due']);

export const isUnfinished = ({ status }: StripeSubscription): boolean => UNFINISHED.has(status);

export interface Choice {
  /** The one that counts. */
  subscription: StripeSubscription | undefined;
  /** Live ones beside it, newest first: to be cancelled and given back. */
  duplicates: StripeSubscription[];
}

/**
 * Of all the subscriptions that a customer ever had, the one that counts: the oldest live one for Pro; where none is
 * live, one that money is due for, then the newest. A person has one: live ones that came later are duplicates.
 */
export function choose(subscriptions: readonly StripeSubscription[]): Choice {
  const ofPro = subscriptions.filter(({ grantsPro }) => grantsPro);
  const live = ofPro.filter(({ status }) => LIVE.has(status)).sort(byAge);
  if (live[0] !== undefined) {
    return { subscription: live[0], duplicates: live.slice(1).sort((a, b) => byAge(b, a)) };
  }
  const rest = ofPro.sort((a, b) => Number(isUnfinished(b)) - Number(isUnfinished(a)) || byAge(b, a));
  return { subscription: rest[0], duplicates: [] };
}

/** Ids break the tie of two that were made in one second, the same way each time. */
const byAge = (a: StripeSubscription, b: StripeSubscription): number =>
  a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1);
