import { describe, expect, it } from '@jest/globals';
import { tierAt } from '../users/user.entity.js';
import { choose, entitlementOf } from './entitlement.js';
import { type StripeSubscription, unpaidSince } from './stripe/stripe-subscription.js';

const START = new Date('2026-11-01T00:00:00Z');
const END = new Date('2026-12-01T00:00:00Z');
const GRACE_DAYS = 14;
const DAY_MS = 86_400_000;
const daysAfterStart = (days: number): Date => new Date(START.getTime() + days * DAY_MS);

const aSubscription = (fields: Partial<StripeSubscription> = {}): StripeSubscription => ({
  id: 'sub_1',
  status: 'active',
  createdAt: START,
  grantsPro: true,
  priceId: 'price_pro',
  interval: 'month',
  amount: 999,
  currency: 'usd',
  currentPeriodEnd: END,
  endsAt: null,
  endsBy: null,
  trialEnd: null,
  pastDueSince: null,
  ...fields,
});

/** As a request would see it. */
const tierOn = (subscription: StripeSubscription | undefined, moment: Date): string => {
  const { tier, until } = entitlementOf(subscription, GRACE_DAYS);
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
    expect(tierOn(aSubscription({ status, pastDueSince: START }), daysAfterStart(1))).toBe(tier);
  });

  it.each(['active', 'trialing', 'past_due'])('%s for another product to basic', (status) => {
    const other = aSubscription({ status, grantsPro: false, pastDueSince: START });
    expect(tierOn(other, daysAfterStart(1))).toBe('basic');
  });

  it('none to basic', () => {
    expect(tierOn(undefined, START)).toBe('basic');
  });
});

describe('an entitlement lasts', () => {
  it.each(['active', 'trialing'])('until there is word, while %s renews', (status) => {
    expect(entitlementOf(aSubscription({ status }), GRACE_DAYS).until).toBeNull();
    // A webhook that is late takes nothing away from who paid.
    expect(tierOn(aSubscription({ status }), daysAfterStart(400))).toBe('pro');
  });

  it.each(['active', 'trialing'])('until the end of the period when %s was cancelled for it', (status) => {
    const cancelled = aSubscription({ status, endsAt: END });
    expect(tierOn(cancelled, new Date(END.getTime() - 1))).toBe('pro');
    expect(tierOn(cancelled, END)).toBe('basic');
  });

  it('14 days from when it became past due, whenever its period began', () => {
    const unpaid = aSubscription({ status: 'past_due', pastDueSince: daysAfterStart(3) });
    expect(tierOn(unpaid, new Date(daysAfterStart(17).getTime() - 1))).toBe('pro');
    expect(tierOn(unpaid, daysAfterStart(17))).toBe('basic');
  });

  it('not beyond its end when it is past due and cancelled', () => {
    const week = { endsAt: daysAfterStart(7), pastDueSince: START };
    expect(tierOn(aSubscription({ status: 'past_due', ...week }), daysAfterStart(7))).toBe('basic');
  });
});

describe('it is past due since', () => {
  const invoices = (...kinds: [status: string, day: number][]) =>
    kinds.map(([status, day]) => ({
      status,
      created: daysAfterStart(day).getTime() / 1000 - 60,
      status_transitions: { finalized_at: status === 'draft' ? null : daysAfterStart(day).getTime() / 1000 },
    })) as unknown as Parameters<typeof unpaidSince>[0];

  it.each<[string, [string, number][], number | null]>([
    [
      'the one invoice that is open',
      [
        ['open', 5],
        ['paid', 0],
      ],
      5,
    ],
    [
      'the first of several that are not paid, though later ones came',
      [
        ['draft', 60],
        ['open', 35],
        ['uncollectible', 5],
        ['paid', 0],
      ],
      5,
    ],
    [
      'the last time, not an earlier one that was got over',
      [
        ['open', 65],
        ['paid', 35],
        ['uncollectible', 5],
      ],
      65,
    ],
    [
      'no voided one',
      [
        ['void', 35],
        ['open', 5],
        ['paid', 0],
      ],
      5,
    ],
    [
      'nothing when the newest is paid',
      [
        ['paid', 5],
        ['open', 0],
      ],
      null,
    ],
    ['nothing without invoices', [], null],
  ])('%s', (_what, kinds, day) => {
    expect(unpaidSince(invoices(...kinds))).toEqual(day === null ? null : daysAfterStart(day));
  });
});

describe('of several subscriptions the one counts', () => {
  const older = (fields: Partial<StripeSubscription>) =>
    aSubscription({ id: 'sub_older', createdAt: daysAfterStart(-30), ...fields });
  const newer = (fields: Partial<StripeSubscription>) => aSubscription({ id: 'sub_newer', ...fields });

  it.each([
    ['that entitles, though older', { status: 'active' }, { status: 'canceled' }, 'sub_older', []],
    ['that entitles, though newer', { status: 'canceled' }, { status: 'active' }, 'sub_newer', []],
    ['that is newest, when none is live', { status: 'canceled' }, { status: 'incomplete' }, 'sub_newer', []],
    [
      'that money is due for, when none is live',
      { status: 'unpaid' },
      { status: 'canceled' },
      'sub_older',
      [],
    ],
    [
      'that was there first, when both are live',
      { status: 'active' },
      { status: 'active' },
      'sub_older',
      ['sub_newer'],
    ],
    [
      'that was there first, past due or not',
      { status: 'past_due' },
      { status: 'trialing' },
      'sub_older',
      ['sub_newer'],
    ],
    ['that is Pro, though newer', { grantsPro: false }, { status: 'active' }, 'sub_newer', []],
  ])('%s', (_which, ofOlder, ofNewer, counts, duplicates) => {
    const both = [older(ofOlder), newer(ofNewer)];
    for (const subscriptions of [both, both.toReversed()]) {
      const choice = choose(subscriptions);
      expect(choice.subscription?.id).toBe(counts);
      expect(choice.duplicates.map(({ id }) => id)).toEqual(duplicates);
    }
  });

  it('of three the newest is the first to go', () => {
    const newest = aSubscription({ id: 'sub_newest', createdAt: daysAfterStart(1) });
    const { duplicates } = choose([older({}), newest, newer({})]);
    expect(duplicates.map(({ id }) => id)).toEqual(['sub_newest', 'sub_newer']);
  });

  it('of two of one second it is the same one each time', () => {
    const [a, b] = [aSubscription({ id: 'sub_a' }), aSubscription({ id: 'sub_b' })];
    expect(choose([a, b]).subscription?.id).toBe(choose([b, a]).subscription?.id);
  });

  it('and there is none among none, nor among those for something else', () => {
    expect(choose([])).toEqual({ subscription: undefined, duplicates: [] });
    expect(choose([aSubscription({ grantsPro: false })]).subscription).toBeUndefined();
  });
});
