import { expect, it } from '@jest/globals';
import { Batcher } from './batcher.js';

/** Each batch that was run, and how many ran at the same time at most. */
function aBatcher({
  most = 100,
  keyOf,
  failing = () => undefined,
}: {
  most?: number;
  keyOf?: (n: number) => string;
  failing?: (batch: readonly number[], nth: number) => Error | undefined;
} = {}) {
  const batches: number[][] = [];
  let [running, atOnce] = [0, 0];
  const batcher = new Batcher(
    async (items: readonly number[]) => {
      const nth = batches.push([...items]);
      atOnce = Math.max(atOnce, (running += 1));
      await new Promise(setImmediate);
      running -= 1;
      const error = failing(items, nth);
      if (error) throw error;
      return items.map((item) => `row ${item}`);
    },
    { most, ...(keyOf && { keyOf }) },
  );
  return { batcher, batches, atOnce: () => atOnce };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

it('thousands that are asked for at once are done in few batches, one at a time, and each gets its own', async () => {
  const { batcher, batches, atOnce } = aBatcher();
  const rows = await Promise.all(upTo(10_000).map((n) => batcher.run(n)));
  expect(rows).toEqual(upTo(10_000).map((n) => `row ${n}`));
  expect(batches).toHaveLength(100);
  expect(atOnce()).toBe(1);
});

it('what is asked for while a batch runs goes into the next one', async () => {
  const { batcher, batches } = aBatcher();
  const first = batcher.run(1);
  void first.then(() => Promise.all([batcher.run(2), batcher.run(3)]));
  await first;
  expect(await batcher.run(4)).toBe('row 4');
  expect(batches).toEqual([[1], [2, 3, 4]]);
});

it('those of the same key are done one after the other, in their order, and nobody else waits for them', async () => {
  const { batcher, batches } = aBatcher({ keyOf: (n) => String(n % 10) });
  await Promise.all([1, 11, 2, 21, 3].map((n) => batcher.run(n)));
  expect(batches).toEqual([[1, 2, 3], [11], [21]]);
});

it('one that is refused takes nobody with it', async () => {
  const refusal = new Error('This one is there already');
  const { batcher, batches } = aBatcher({
    failing: (batch) => (batch.includes(2) ? refusal : undefined),
  });
  const results = await Promise.allSettled([1, 2, 3].map((n) => batcher.run(n)));
  expect(results).toEqual([
    { status: 'fulfilled', value: 'row 1' },
    { status: 'rejected', reason: refusal },
    { status: 'fulfilled', value: 'row 3' },
  ]);
  expect(batches).toEqual([[1, 2, 3], [1], [2], [3]]);
});

it('an outage is told to those who asked, once, and to nobody after them', async () => {
  const { batcher, batches } = aBatcher({
    most: 2,
    failing: (_batch, nth) => (nth === 1 ? new Error('Connection terminated') : undefined),
  });
  const results = await Promise.allSettled(upTo(4).map((n) => batcher.run(n)));
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
  expect(await batcher.run(5)).toBe('row 5');
  expect(batches).toEqual([[0, 1], [2, 3], [5]]);
});
