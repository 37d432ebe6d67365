import { Injectable } from '@nestjs/common';
import { replyFinalChannel } from '../redis/keys.js';
import { ReplyChannels } from './reply-channels.js';
import { ReplyStream } from './reply-stream.js';

export interface ReplyListener {
  /** Resolves when there is reason to look at the reply again, else after `ms`. */
  next(ms: number): Promise<void>;
  /** To be called when the waiting is over. */
  close(): void;
}

/**
 * Tells whoever waits, in any process, that a reply got its final state (ReplyStream announces it). A hint and no record:
 * pub/sub forgets, so waiters look at the row too.
 */
@Injectable()
export class ReplyEvents {
  constructor(
    private readonly channels: ReplyChannels,
    private readonly stream: ReplyStream,
  ) {}

  /** True once the process is about to stop: end what waits. */
  get isStopping(): boolean {
    return this.channels.isStopping;
  }

  /** Begins to listen at once: call it before looking at the row, so that nothing falls between. */
  listen(replyId: string): ReplyListener {
    let wake: () => void = () => undefined;
    let heard = false;
    const unfollow = this.channels.follow(replyFinalChannel(replyId), () => {
      heard = true;
      wake();
    });
    return {
      next: async (ms) => {
        if (!heard && !this.isStopping) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, ms);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        }
        heard = false;
      },
      close: () => {
        wake();
        unfollow();
      },
    };
  }

  /** Calls back, once, when the reply is final, whoever made it so and whenever. Returns the function that ends it. */
  onFinal(replyId: string, callback: () => void): () => void {
    const unfollow = this.channels.follow(replyFinalChannel(replyId), (message) => {
      if (message !== undefined) tell();
      else {
        void this.stream.tryFinalEventId(replyId).then((id) => {
          if (id !== undefined) tell();
        });
      }
    });
    let told = false;
    const tell = (): void => {
      if (told) return;
      told = true;
      unfollow();
      callback();
    };
    return unfollow;
  }
}
