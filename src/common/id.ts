import { v7 } from 'uuid';

/** A new UUIDv7 (RFC 9562): time-ordered, and increasing within this process even inside one millisecond. */
export const newId = (): string => v7();

/** A new UUIDv7 of another moment (epoch ms): where an id says when something counts. */
export const newIdAt = (time: number): string => v7({ msecs: time });

/** The moment that a UUIDv7 was made, epoch ms: its first 48 bits. */
export function idTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The lowest UUIDv7 of a moment (epoch ms): `id >= firstIdAt(t)` selects what was made from then on. */
export function firstIdAt(time: number): string {
  const hex = time.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
