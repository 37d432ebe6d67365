import type { ReplyEvents } from '../streaming/reply-events.js';

/** Before that, a call that is taken away is noticed when its next words are refused, or it is over: most are short. */
const LISTEN_AFTER_MS = 200;

/**
 * One call to the model, and the two reasons to give it up: the process stops, or the reply is taken away (cancelled,
 * or another attempt has it).
 */
export class CallInFlight {
  private readonly controller = new AbortController();
  private stopListening: () => void;
  private taken = false;

  constructor(
    replyId: string,
    private readonly stopping: AbortSignal,
    events: ReplyEvents,
  ) {
    stopping.addEventListener('abort', this.giveUp);
    if (stopping.aborted) this.giveUp();
    const timer = setTimeout(() => {
      this.stopListening = events.onFinal(replyId, () => {
        this.takeAway();
      });
    }, LISTEN_AFTER_MS);
    this.stopListening = () => {
      clearTimeout(timer);
    };
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get isTakenAway(): boolean {
    return this.taken;
  }

  takeAway(): void {
    this.taken = true;
    this.giveUp();
  }

  end(): void {
    this.stopping.removeEventListener('abort', this.giveUp);
    this.stopListening();
  }

  private readonly giveUp = (): void => {
    this.controller.abort();
  };
}
