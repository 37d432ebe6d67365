import { expect, it } from '@jest/globals';
import { firstIdAt } from '../common/id.js';
import type { Tier } from '../users/user.entity.js';
import { priorityOf } from './reply-priority.js';

const HIGHEST = 2 ** 21 - 1;
const HEAD_START = 30;
/** A second at which the numbers begin again, in 2026. */
const BEGINNING = HIGHEST * Math.ceil(Date.UTC(2026, 6) / 1000 / HIGHEST);

const place = (tier: Tier, second: number, now = second): number =>
  priorityOf({ userId: '', replyId: firstIdAt(second * 1000), tier }, HEAD_START, now * 1000);

const MIDDLE = BEGINNING + 1_000_000;

it('Pro goes before Basic that was accepted up to the head start earlier, and no further', () => {
  const basic = place('basic', MIDDLE);
  expect(place('pro', MIDDLE + HEAD_START - 1)).toBeLessThan(basic);
  expect(place('pro', MIDDLE + HEAD_START + 1)).toBeGreaterThan(basic);
});

it.each<Tier>(['basic', 'pro'])('within the tier %s who came first goes first', (tier) => {
  expect(place(tier, MIDDLE)).toBeLessThan(place(tier, MIDDLE + 1));
});

it('a reply that is queued again has the same place', () => {
  expect(place('basic', MIDDLE, MIDDLE + 86_400)).toBe(place('basic', MIDDLE));
});

it('what waits when the numbers begin again goes before all that comes then', () => {
  const pros = [BEGINNING, BEGINNING + 1, BEGINNING + 3600].map((second) => place('pro', second));
  expect(place('pro', BEGINNING - 1)).toBe(HIGHEST);
  expect(place('pro', BEGINNING - 1, BEGINNING)).toBe(1);
  expect(place('basic', BEGINNING - HEAD_START - 1, BEGINNING + 3600)).toBe(1);
  expect(pros).toEqual([1, 2, 3601]);
});

it.each([0, 1, BEGINNING - 1, BEGINNING, MIDDLE, 2 ** 38])(
  'is one that BullMQ takes: second %d',
  (second) => {
    for (const tier of ['basic', 'pro'] as const) {
      const priority = place(tier, second);
      expect(Number.isInteger(priority)).toBe(true);
      expect(priority).toBeGreaterThanOrEqual(1);
      expect(priority).toBeLessThanOrEqual(HIGHEST);
    }
  },
);
