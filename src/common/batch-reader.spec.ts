import { expect, it } from '@jest/globals';
import { BatchReader } from './batch-reader.js';

/** Each batch that was read, and how many were read at the same time at most. */
function aReader({
  most = 100,
  failing = () => false,
}: { most?: number; failing?: (n: number) => boolean } = {}) {
  const batches: number[][] = [];
  let [running, atOnce] = [0, 0];
  const reader = new BatchReader(
    async (keys: readonly number[]) => {
      batches.push([...keys]);
      atOnce = Math.max(atOnce, (running += 1));
      await new Promise(setImmediate);
      running -= 1;
      if (failing(batches.length)) throw new Error('Postgres is away');
      return keys.map((key) => `row ${key}`);
    },
    1,
    most,
  );
  return { reader, batches, atOnce: () => atOnce };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

it('thousands that are asked for at once are read in few batches, one at a time, and each gets its own', async () => {
  const { reader, batches, atOnce } = aReader();
  const rows = await Promise.all(upTo(10_000).map((n) => reader.read(n)));
  expect(rows).toEqual(upTo(10_000).map((n) => `row ${n}`));
  expect(batches).toHaveLength(100);
  expect(atOnce()).toBe(1);
});

it('what is asked for while a batch is read goes into the next one', async () => {
  const { reader, batches } = aReader();
  const first = reader.read(1);
  void first.then(() => Promise.all([reader.read(2), reader.read(3)]));
  await first;
  expect(await reader.read(4)).toBe('row 4');
  expect(batches).toEqual([[1], [2, 3, 4]]);
});

it('a batch that fails fails those who asked in it, and nobody after them', async () => {
  const { reader } = aReader({ most: 2, failing: (n) => n === 1 });
  const results = await Promise.allSettled(upTo(4).map((n) => reader.read(n)));
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
  expect(await reader.read(5)).toBe('row 5');
});
