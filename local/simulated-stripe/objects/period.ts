import type { Stripe } from 'stripe';
import { type Interval, intervalOf } from './price.js';

export interface Period {
  start: number;
  end: number;
}

export const DAY = 24 * 60 * 60;

/** The period that follows `start`, counted from the anchor: who began on 31 January pays on 28 February and 31 March. */
export function periodFrom(start: number, anchor: number, price: Stripe.Price): Period {
  for (let count = 1; ; count += 1) {
    const end = after(anchor, count, intervalOf(price));
    if (end > start) return { start, end };
  }
}

/** The same day `count` months or years later, or that month's last day. */
function after(seconds: number, count: number, interval: Interval): number {
  const date = new Date(seconds * 1000);
  const day = date.getUTCDate();
  date.setUTCMonth(date.getUTCMonth() + count * (interval === 'year' ? 12 : 1));
  if (date.getUTCDate() !== day) date.setUTCDate(0);
  return date.getTime() / 1000;
}
