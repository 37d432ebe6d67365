import { describe, expect, it } from '@jest/globals';
import { tierAt } from '../users/user.entity.js';
import { entitlementOf, pickSubscription } from './entitlement.js';
import type { StripeSubscription } from './stripe.client.js';

const START = new Date('2026-11-01T00:00:00Z');
const END = new Date('2026-12-01T00:00:00Z');
const DAY_MS = 86_400_000;
const daysAfterStart = (days: number): Date => new Date(START.getTime() + days * DAY_MS);

const aSubscription = (fields: Partial<StripeSubscription> = {}): StripeSubscription => ({
  id: 'sub_1',
  status: 'active',
  createdAt: START,
  priceId: 'price_pro',
  amount: 999,
  currency: 'usd',
  currentPeriodStart: START,
  currentPeriodEnd: END,
  cancelAtPeriodEnd: false,
  ...fields,
});

/** As a request would see it. */
const tierOn = (subscription: StripeSubscription | undefined, moment: Date): string => {
  const { tier, until } = entitlementOf(subscription);
  return tierAt({ tier, tierUntil: until }, moment);
};

describe('a status entitles', () => {
  it.each([
    ['active', 'pro'],
    ['trialing', 'pro'],
    ['past_due', 'pro'],
    ['incomplete', 'basic'],
    ['incomplete_expired', 'basic'],
    ['unpaid', 'basic'],
    ['canceled', 'basic'],
    ['paused', 'basic'],
    ['a_status_of_tomorrow', 'basic'],
    ['', 'basic'],
    ['ACTIVE', 'basic'],
  ])("'%s' to %s", (status, tier) => {
    expect(tierOn(aSubscription({ status }), daysAfterStart(1))).toBe(tier);
  });

  it('none to basic', () => {
    expect(tierOn(undefined, START)).toBe('basic');
  });
});

describe('an entitlement lasts', () => {
  it.each(['active', 'trialing'])('until there is word, while %s renews', (status) => {
    expect(entitlementOf(aSubscription({ status })).until).toBeNull();
    // A webhook that is late takes nothing away from who paid.
    expect(tierOn(aSubscription({ status }), daysAfterStart(400))).toBe('pro');
  });

  it.each(['active', 'trialing'])('until the end of the period when %s was cancelled for it', (status) => {
    const cancelled = aSubscription({ status, cancelAtPeriodEnd: true });
    expect(tierOn(cancelled, new Date(END.getTime() - 1))).toBe('pro');
    expect(tierOn(cancelled, END)).toBe('basic');
  });

  it('14 days of a period that could not be paid', () => {
    const unpaid = aSubscription({ status: 'past_due' });
    expect(tierOn(unpaid, new Date(daysAfterStart(14).getTime() - 1))).toBe('pro');
    expect(tierOn(unpaid, daysAfterStart(14))).toBe('basic');
  });

  it('not beyond the period when it is past due and cancelled', () => {
    const week = { currentPeriodEnd: daysAfterStart(7), cancelAtPeriodEnd: true };
    expect(tierOn(aSubscription({ status: 'past_due', ...week }), daysAfterStart(7))).toBe('basic');
  });
});

describe('of several subscriptions the one counts', () => {
  const older = (fields: Partial<StripeSubscription>) =>
    aSubscription({ id: 'sub_older', createdAt: daysAfterStart(-30), ...fields });
  const newer = (fields: Partial<StripeSubscription>) => aSubscription({ id: 'sub_newer', ...fields });
  const idOf = (subscriptions: StripeSubscription[]) => [
    pickSubscription(subscriptions)?.id,
    pickSubscription(subscriptions.toReversed())?.id,
  ];

  it.each([
    ['that entitles, though older', { status: 'active' }, { status: 'canceled' }, 'sub_older'],
    ['that entitles, though newer', { status: 'canceled' }, { status: 'active' }, 'sub_newer'],
    ['that is newest, when none entitles', { status: 'canceled' }, { status: 'incomplete' }, 'sub_newer'],
    ['that is newest, when both entitle alike', { status: 'active' }, { status: 'active' }, 'sub_newer'],
    ['that is paid, not the newer past due one', { status: 'active' }, { status: 'past_due' }, 'sub_older'],
    [
      'that renews, not the newer one that ends',
      { status: 'active' },
      { status: 'active', cancelAtPeriodEnd: true },
      'sub_older',
    ],
  ])('%s', (_which, ofOlder, ofNewer, counts) => {
    expect(idOf([older(ofOlder), newer(ofNewer)])).toEqual([counts, counts]);
  });

  it('and there is none among none', () => {
    expect(pickSubscription([])).toBeUndefined();
  });
});
