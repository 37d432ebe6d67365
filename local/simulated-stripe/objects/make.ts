import { randomBytes } from 'node:crypto';

/**
 * The fields that are null in every object made here. Each object is spelled out in full and typed by the SDK, so when
 * an SDK upgrade adds, renames or drops a field, the compiler points at the object - there is no cast or `Partial` to
 * hide it. Naming the nulls in one line keeps the fields that mean something readable.
 */
export function nulls<Field extends string>(...fields: Field[]): Record<Field, null> {
  return Object.fromEntries(fields.map((field) => [field, null])) as Record<Field, null>;
}

export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

/** Stripe's clock: whole seconds since 1970. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}

/** The same day next month, or that month's last day: 31 January renews on 28 February. */
export function oneMonthAfter(seconds: number): number {
  const date = new Date(seconds * 1000);
  const day = date.getUTCDate();
  date.setUTCMonth(date.getUTCMonth() + 1);
  if (date.getUTCDate() !== day) date.setUTCDate(0);
  return date.getTime() / 1000;
}
