import { createHash } from 'node:crypto';
import type { Fault } from './faults.js';
import { textOf } from './request.js';
import type { Content } from './wire.js';

/** Conversations whose failed calls are remembered; the one not heard of for longest is forgotten first. */
const MAX_CONVERSATIONS = 10_000;
/** Ten minutes: longer than any client waits. */
const MAX_SLOW_MS = 600_000;

export interface Directive {
  /** What a person types between `[[` and `]]`. */
  name: string;
  /** A number that may follow the name, and its unit. */
  argument?: 'seconds' | 'milliseconds';
  /** What a person then sees, for the documentation. */
  does: string;
  fault(argument: number | undefined): Fault;
}

/** Every way in which a person can ask for a failure. ` xN` after any of them: only the first N calls fail. */
export const DIRECTIVES: readonly Directive[] = [
  {
    name: '429',
    argument: 'seconds',
    does: 'rate limit; with a number, RetryInfo asks to wait that long',
    fault: (seconds) => ({
      kind: 'rate-limited',
      ...(seconds !== undefined && { retryAfterSeconds: seconds }),
    }),
  },
  { name: '429-daily', does: 'quota of the day used up', fault: () => ({ kind: 'daily-quota' }) },
  { name: '503', does: 'model overloaded', fault: () => ({ kind: 'unavailable' }) },
  { name: '500', does: 'internal error', fault: () => ({ kind: 'internal' }) },
  {
    name: '500-array',
    does: 'internal error, its body in an array',
    fault: () => ({ kind: 'internal', inArray: true }),
  },
  { name: '502', does: 'a load balancer’s HTML error page', fault: () => ({ kind: 'bad-gateway' }) },
  { name: '400', does: 'invalid argument', fault: () => ({ kind: 'invalid' }) },
  {
    name: 'too-long',
    does: 'conversation too long for the model',
    fault: () => ({ kind: 'context-too-long' }),
  },
  { name: 'block', does: 'prompt blocked', fault: () => ({ kind: 'blocked-prompt' }) },
  { name: 'block-answer', does: 'answer blocked half-way', fault: () => ({ kind: 'blocked-answer' }) },
  {
    name: 'truncate',
    does: 'answer ends half-way without a finish reason',
    fault: () => ({ kind: 'truncated' }),
  },
  {
    name: 'truncate-frame',
    does: 'answer ends in the middle of a frame',
    fault: () => ({ kind: 'truncated', midFrame: true }),
  },
  { name: 'max-tokens', does: 'answer cut short at the token limit', fault: () => ({ kind: 'max-tokens' }) },
  { name: 'empty', does: 'finished with no text', fault: () => ({ kind: 'empty' }) },
  {
    name: 'unknown-finish',
    does: 'whole answer, finish reason that nobody knows',
    fault: () => ({ kind: 'unknown-finish-reason' }),
  },
  {
    name: 'slow',
    argument: 'milliseconds',
    does: 'first byte after that long (5000 unless given, at most 600000)',
    fault: (ms = 5_000) => ({ kind: 'slow', ms: Math.min(ms, MAX_SLOW_MS) }),
  },
  { name: 'hang', does: 'no answer at all', fault: () => ({ kind: 'hang' }) },
  { name: 'stall', does: 'half of the answer, then silence', fault: () => ({ kind: 'stall' }) },
  { name: 'reset', does: 'connection broken half-way', fault: () => ({ kind: 'reset' }) },
  {
    name: 'error-mid-stream',
    does: 'half of the answer, then an error',
    fault: () => ({ kind: 'error-mid-stream' }),
  },
];

const BY_NAME = new Map(DIRECTIVES.map((directive) => [directive.name, directive]));
const TYPED = /\[\[([a-z0-9-]+)(?: (\d{1,9}(?:\.\d{1,9})?))?(?: x(\d{1,9}))?\]\]/i;

/** Finds what a person typed in the newest message, and counts for `xN`. */
export class DirectiveReader {
  private readonly failed = new Map<string, number>();

  /**
   * The fault that this call must show, if any. With `xN`, N calls in a row with the same contents fail and the
   * next is answered; then the count starts again, so that typing it in another room shows the same.
   */
  faultFor(contents: readonly Content[]): Fault | undefined {
    const newest = contents.at(-1);
    const [, name, argument, times] = (newest && TYPED.exec(textOf(newest))) ?? [];
    const directive = BY_NAME.get(name?.toLowerCase() ?? '');
    if (!directive || (times !== undefined && !this.mustFail(contents, Number(times)))) return undefined;
    return directive.fault(argument === undefined ? undefined : Number(argument));
  }

  private mustFail(contents: readonly Content[], times: number): boolean {
    const conversation = createHash('sha256').update(JSON.stringify(contents)).digest('base64');
    const failed = this.failed.get(conversation) ?? 0;
    this.failed.delete(conversation);
    if (failed >= times) return false;
    this.failed.set(conversation, failed + 1);
    const [oldest] = this.failed.keys();
    if (this.failed.size > MAX_CONVERSATIONS && oldest !== undefined) this.failed.delete(oldest);
    return true;
  }
}
