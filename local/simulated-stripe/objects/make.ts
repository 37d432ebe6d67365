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

/** The object as JSON tells it: what was told of it must not change when it does. */
export function snapshot<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
