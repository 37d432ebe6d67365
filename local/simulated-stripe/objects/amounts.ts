import type { Stripe } from 'stripe';

/** One rate for everybody, on top of the price; Stripe Tax has one for each place. */
export const TAX_PERCENT = 10;

export interface Amounts {
  subtotal: number;
  discount: number;
  tax: number;
  total: number;
}

export const NOTHING_DUE: Amounts = { subtotal: 0, discount: 0, tax: 0, total: 0 };

export function amountsOf(
  price: Stripe.Price,
  quantity: number,
  { percentOff = 0, taxed = false }: { percentOff?: number; taxed?: boolean },
): Amounts {
  return withTax((price.unit_amount ?? 0) * quantity, percentOff, taxed);
}

export function withTax(subtotal: number, percentOff: number, taxed: boolean): Amounts {
  const discount = Math.round((subtotal * percentOff) / 100);
  const tax = taxed ? Math.round(((subtotal - discount) * TAX_PERCENT) / 100) : 0;
  return { subtotal, discount, tax, total: subtotal - discount + tax };
}
