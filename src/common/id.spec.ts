import { describe, expect, it } from '@jest/globals';
import { firstIdAt, idTime, newId } from './id.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('an id', () => {
  it('is a UUIDv7, unlike every other, and greater than the one before', () => {
    const ids = Array.from({ length: 10_000 }, newId);
    for (const id of ids) expect(id).toMatch(UUID_V7);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
  });

  it('says when it was made', () => {
    const before = Date.now();
    const time = idTime(newId());
    expect(time).toBeGreaterThanOrEqual(before);
    // The counter inside one millisecond may borrow from the next.
    expect(time).toBeLessThanOrEqual(Date.now() + 1);
  });
});

describe('the first id of a moment', () => {
  it.each([0, 1, 0xffff, Date.UTC(2026, 10, 23), 2 ** 48 - 1])('is a UUIDv7 of that moment: %i', (time) => {
    expect(firstIdAt(time)).toMatch(UUID_V7);
    expect(idTime(firstIdAt(time))).toBe(time);
  });

  it('parts the ids made before from those made from then on', () => {
    const id = newId();
    expect(firstIdAt(idTime(id)) <= id).toBe(true);
    expect(firstIdAt(idTime(id) + 1) > id).toBe(true);
  });
});
