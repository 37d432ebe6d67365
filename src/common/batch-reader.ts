import { setTimeout } from 'node:timers/promises';

interface Waiting<Key, Value> {
  key: Key;
  resolve: (value: Value) => void;
  reject: (error: unknown) => void;
}

/**
 * Reads what is asked for one by one in few statements: one runs at a time, with what was asked for while it gathered and
 * while the one before ran. So thousands who ask at once take one connection, and stand in nobody's way.
 */
export class BatchReader<Key, Value> {
  private readonly waiting: Waiting<Key, Value>[] = [];
  private reading = false;

  /**
   * @param readAll the values of keys, in their order
   * @param gatherMs how long the first one waits for others
   * @param most keys in one batch
   */
  constructor(
    private readonly readAll: (keys: readonly Key[]) => Promise<readonly Value[]>,
    private readonly gatherMs: number,
    private readonly most: number,
  ) {}

  /** @throws what `readAll` throws: the batch is not tried again */
  read(key: Key): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ key, resolve, reject });
      if (!this.reading) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.reading = true;
    while (this.waiting.length > 0) {
      await setTimeout(this.gatherMs, undefined, { ref: false });
      await this.readBatch(this.waiting.splice(0, this.most));
    }
    this.reading = false;
  }

  private async readBatch(batch: readonly Waiting<Key, Value>[]): Promise<void> {
    try {
      const values = await this.readAll(batch.map(({ key }) => key));
      for (const [n, { resolve }] of batch.entries()) resolve(values[n] as Value);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
