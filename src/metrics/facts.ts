import type { ProblemCode } from '../common/app-error.js';

/** A kind of thing that happens and that somebody may count. Where nobody does, telling it costs a call of a function. */
class Fact<T> {
  private readonly listeners: ((value: T) => void)[] = [];

  listen(listener: (value: T) => void): void {
    this.listeners.push(listener);
  }

  tell(value: T): void {
    for (const listener of this.listeners) listener(value);
  }
}

/** A reply got its final state. */
export interface ReplyEnd {
  status: 'completed' | 'failed' | 'blocked' | 'cancelled';
  /** A code of reply-error.ts; null where there is nothing to explain. */
  errorCode: string | null;
  /** From when it was accepted, seconds. */
  seconds: number;
  /** From when it was accepted to the first word of the answer, seconds; null where there is no answer. */
  firstTokenSeconds: number | null;
}

/** A call to the model is over. */
export interface ModelCall {
  /** As it was asked for: what answers says any name that it likes. */
  model: string;
  /** `answered`, `aborted`, or a code of reply-error.ts. */
  outcome: string;
  seconds: number;
  /** From the call to the first word; null where none came. */
  firstTokenSeconds: number | null;
  promptTokens: number;
  outputTokens: number;
}

/** `retried`: a try failed and another one follows. */
export type OtpDeliveryOutcome = 'sent' | 'refused' | 'failed' | 'no longer wanted' | 'retried';

/**
 * What the product tells of itself; prometheus.ts, which is only loaded where METRICS_PORT is set, makes metrics of it.
 * So features know no metrics, and a process that serves none loads none. No fact names a person, a room or a number.
 */
export const facts = {
  problemAnswered: new Fact<ProblemCode>(),
  replyEnded: new Fact<ReplyEnd>(),
  modelCalled: new Fact<ModelCall>(),
  otpDelivered: new Fact<OtpDeliveryOutcome>(),
  /** A webhook event was acted on, so many seconds after Stripe made it. */
  stripeEventProcessed: new Fact<number>(),
  /** Live replies that people watch: one more, or one less. */
  streamsChanged: new Fact<1 | -1>(),
} as const;
