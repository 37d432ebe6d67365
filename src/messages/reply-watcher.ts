import { setTimeout } from 'node:timers/promises';
import { keys } from '../redis/keys.js';
import type { ReplyChannels } from '../streaming/reply-channels.js';
import { isAfter, readPublished, type ReplyEvent, type ReplyStream } from '../streaming/reply-stream.js';
import type { MessageResponse } from './dto/message.response.js';
import type { MessageKey } from './messages.repository.js';
import type { SseConnection } from './sse-connection.js';
import type { WatchedReplies } from './watched-replies.js';

/** The id of a final event that is sent from the stored message, because its stream is gone: after it nothing comes. */
export const STORED_EVENT_ID = 'stored';

const RETRY_MS = 1000;
const RETRY_MS_MAX = 15_000;

/** What a watcher gets its events and its message from. */
export interface ReplySources {
  channels: ReplyChannels;
  stream: ReplyStream;
  replies: WatchedReplies;
}

/**
 * One person watching one reply. Gets events as they are published; whenever one is not the next (at first, after a slow
 * socket has drained, after a lost connection) it reads on from Redis by itself, so no event is ever queued for it.
 */
export class ReplyWatcher {
  private readonly unfollow: () => void;
  private catchingUp = false;
  private again = false;
  private finishing = false;
  private ended = false;

  constructor(
    private readonly key: MessageKey,
    private position: string,
    private readonly connection: SseConnection,
    private readonly from: ReplySources,
  ) {
    this.unfollow = from.channels.follow(keys.replyStream(key.id), (message) => {
      if (message === undefined) this.catchUp();
      else this.onPublished(message);
    });
    connection.onDrain(() => {
      this.catchUp();
    });
    connection.onClose(() => {
      this.end();
    });
  }

  /** Ends a stream whose reply is final, also where it never said so. */
  async checkStored(): Promise<void> {
    if (!this.finishing && !(await this.from.replies.isOwed(this.key))) await this.onStoredFinal();
  }

  /** To be called when the stored message is final: it is sent when the stream is gone, or does not say so. */
  async onStoredFinal(): Promise<void> {
    // What people have not seen yet comes first; without Redis the message has it.
    await this.sendRest().catch(() => undefined);
    if (this.connection.isWritable) await this.finish(STORED_EVENT_ID);
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.unfollow();
    this.connection.end();
  }

  private onPublished(message: string): void {
    const { afterId, event } = readPublished(message);
    if (this.catchingUp) this.again = true;
    else if (afterId === this.position) this.sendNext(event);
    else if (isAfter(event.id, this.position)) this.catchUp();
  }

  private catchUp(): void {
    if (this.catchingUp) {
      this.again = true;
      return;
    }
    if (!this.connection.isWritable) return;
    this.catchingUp = true;
    void this.readOn();
  }

  private async readOn(): Promise<void> {
    do {
      this.again = false;
      try {
        await this.sendRest();
      } catch {
        // Redis is away. What is published meanwhile lies behind a gap, so it is not sent until this is through.
        this.again = true;
        await pause(RETRY_MS);
      }
    } while (this.again && this.connection.isWritable && !this.ended);
    this.catchingUp = false;
  }

  /** Sends what the stream has after the position, as far as the client takes it. */
  private async sendRest(): Promise<void> {
    let events: readonly ReplyEvent[];
    do {
      events = await this.from.stream.read(this.key.id, this.position);
      for (const event of events) this.sendNext(event);
    } while (events.length > 0 && this.connection.isWritable && !this.ended);
  }

  private sendNext(event: ReplyEvent): void {
    if (this.ended || !this.connection.isWritable || !isAfter(event.id, this.position)) return;
    this.position = event.id;
    if (event.type === 'delta') this.connection.send('delta', event.id, { text: event.text });
    if (event.type === 'restart') this.connection.send('restart', event.id, {});
    if (event.type === 'final') void this.finish(event.id);
  }

  /** Where the message cannot be read, as while Postgres is away, the client stays and this goes on trying. */
  private async finish(eventId: string): Promise<void> {
    if (this.finishing) return;
    this.finishing = true;
    for (let ms = RETRY_MS; !this.ended; ms = Math.min(ms * 2, RETRY_MS_MAX)) {
      try {
        this.sendFinal(eventId, await this.from.replies.find(this.key));
      } catch {
        await pause(ms);
      }
    }
  }

  private sendFinal(id: string, reply: MessageResponse | null): void {
    if (this.ended) return;
    if (reply === null) {
      this.connection.send('error', id, { code: 'MESSAGE_NOT_FOUND', message: 'The message was deleted.' });
    } else if (reply.error) {
      const { code, message } = reply.error;
      this.connection.send('error', id, { code, message, reply });
    } else this.connection.send('done', id, reply);
    this.end();
  }
}

/** Half of it to all of it: those who failed together do not come back together. */
const pause = (ms: number): Promise<void> =>
  setTimeout(ms * (0.5 + Math.random() / 2), undefined, { ref: false });
