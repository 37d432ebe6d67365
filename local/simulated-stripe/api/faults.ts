import type { Request } from '../http.js';
import { failureOf } from '../stripe-api-error.js';

type Moment = 'before' | 'after';

/**
 * What goes wrong: a status is answered; or the connection stays silent, or is closed, `before` anything happened or
 * `after` the effect, whose answer then never comes; or everything takes a while, and its Idempotency-Key is in use then.
 */
type Trouble = { status: number } | { hang: Moment } | { close: Moment } | { slowMs: number };

export type Failure = Trouble & {
  /** How many requests. Each try of the SDK counts. */
  times: number;
  /** Matches `/v1/customers`; every path by default. */
  path?: RegExp;
  method?: string;
};

/** What is not answered: the client waits, or loses the connection. */
export type Silence = 'hang' | 'close';

interface Fault {
  before?: Silence;
  after?: Silence;
  slowMs: number;
}

/** The failures that tests ask for. */
export class Faults {
  private readonly failures: Failure[] = [];

  add(failure: Failure): void {
    this.failures.push({ ...failure });
  }

  clear(): void {
    this.failures.length = 0;
  }

  /** Uses up one failure. Throws before anything happens, so that a retry with the same key runs for the first time. */
  take({ pathname, method }: Request): Fault {
    const failure = this.failures.find(
      (each) =>
        each.times > 0 &&
        (each.method === undefined || each.method === method) &&
        (each.path === undefined || pathname.search(each.path) !== -1),
    );
    if (!failure) return { slowMs: 0 };
    failure.times -= 1;
    if ('status' in failure) throw failureOf(failure.status);
    if ('slowMs' in failure) return { slowMs: failure.slowMs };
    return 'hang' in failure
      ? { [failure.hang]: 'hang', slowMs: 0 }
      : { [failure.close]: 'close', slowMs: 0 };
  }
}
