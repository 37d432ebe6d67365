import { setImmediate, setTimeout } from 'node:timers/promises';
import { isConnectionFailure } from './connection-failure.js';

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

export interface BatcherOptions<Item> {
  /** Items in one batch. */
  most: number;
  /** How long the first one waits for others, ms. By default until this turn of the event loop is over. */
  gatherMs?: number;
  /** Of each key one item is done at a time; others wait for a later batch. */
  keyOf?: (item: Item) => string;
  /** Batches that run at the same time: with two, the next one is prepared while Postgres works. By default one. */
  atOnce?: number;
}

/**
 * Does in few statements what is asked for one by one: one or two run at a time, with what was asked for while those
 * before ran. So thousands who ask at once take one connection and a fraction of the work, and stand in nobody's way; who is
 * alone does not wait.
 */
export class Batcher<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private running = 0;
  private readonly busyKeys = new Set<string>();

  /** @param runAll the results of items, in their order. All or nothing: what fails has done nothing */
  constructor(
    private readonly runAll: (items: readonly Item[]) => Promise<readonly Result[]>,
    private readonly options: BatcherOptions<Item>,
  ) {}

  /** @throws what `runAll` throws for this item */
  run(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (this.running < (this.options.atOnce ?? 1)) void this.runWaiting();
    });
  }

  private async runWaiting(): Promise<void> {
    const { gatherMs, keyOf } = this.options;
    this.running += 1;
    for (;;) {
      await (gatherMs === undefined ? setImmediate() : setTimeout(gatherMs, undefined, { ref: false }));
      const batch = this.take();
      if (batch.length === 0) break;
      await this.runBatch(batch);
      if (keyOf) for (const { item } of batch) this.busyKeys.delete(keyOf(item));
    }
    this.running -= 1;
  }

  private take(): Waiting<Item, Result>[] {
    const { most, keyOf } = this.options;
    if (keyOf === undefined) return this.waiting.splice(0, most);
    const batch: Waiting<Item, Result>[] = [];
    this.waiting = this.waiting.filter((each) => {
      const key = keyOf(each.item);
      if (batch.length === most || this.busyKeys.has(key)) return true;
      this.busyKeys.add(key);
      batch.push(each);
      return false;
    });
    return batch;
  }

  /** One that is refused must not take its neighbours with it. */
  private async runBatch(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.runAll(batch.map(({ item }) => item));
      for (const [n, { resolve }] of batch.entries()) resolve(results[n] as Result);
    } catch (error) {
      if (batch.length > 1 && !isConnectionFailure(error)) {
        for (const each of batch) await this.runBatch([each]);
      } else {
        for (const { reject } of batch) reject(error);
      }
    }
  }
}
