import type { ReplyEvents } from '../streaming/reply-events.js';

/**
 * One call to the model, and the two reasons to give it up: the process stops, or the reply is taken away (cancelled,
 * or another attempt has it).
 */
export class CallInFlight {
  private readonly controller = new AbortController();
  private readonly stopListening: () => void;
  private taken = false;

  constructor(
    replyId: string,
    private readonly stopping: AbortSignal,
    events: ReplyEvents,
  ) {
    stopping.addEventListener('abort', this.giveUp);
    if (stopping.aborted) this.giveUp();
    this.stopListening = events.onFinal(replyId, () => {
      this.takeAway();
    });
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
