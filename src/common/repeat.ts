import { Logger } from '@nestjs/common';

const logger = new Logger('Repeat');

/**
 * Does `work` now and again `everyMs` after each end of it, one at a time. A failure is logged and the next turn comes
 * all the same. Returns the function that ends it.
 */
export function repeat(what: string, everyMs: number, work: () => Promise<void>): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const turn = async (): Promise<void> => {
    try {
      await work();
    } catch (err) {
      logger.warn({ err }, `${what} failed; the next turn is in ${everyMs} ms`);
    }
    if (!stopped) timer = setTimeout(() => void turn(), everyMs);
  };
  void turn();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
