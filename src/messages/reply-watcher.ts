import { setTimeout } from 'node:timers/promises';
import type { ReplyStreamReader } from '../streaming/reply-stream-reader.js';
import { isAfter, type ReplyEvent, type ReplyStream } from '../streaming/reply-stream.js';
import type { MessageResponse } from './dto/message.response.js';
import type { SseConnection } from './sse-connection.js';

/** The id of a final event that is sent from the stored message, because its stream is gone: after it nothing comes. */
export const STORED_EVENT_ID = 'stored';

const RETRY_MS = 1000;

/**
 * One person watching one reply. Gets events from the process's shared reader as they come; whenever it has fallen
 * behind (at first, after a slow socket has drained) it reads on from Redis by itself, so no event is ever queued for it.
 */
export class ReplyWatcher {
  private readonly unfollow: () => void;
  private catchingUp = false;
  private again = false;
  private ended = false;

  /** @param load the message as it is stored now; null when it is gone */
  constructor(
    private readonly replyId: string,
    private position: string,
    private readonly connection: SseConnection,
    private readonly stream: ReplyStream,
    reader: ReplyStreamReader,
    private readonly load: () => Promise<MessageResponse | null>,
  ) {
    this.unfollow = reader.follow(replyId, position, (events) => {
      this.onEvents(events);
    });
    connection.onDrain(() => {
      this.catchUp();
    });
    connection.onClose(() => {
      this.end();
    });
    this.catchUp();
  }

  /** Sends the stored message when it is final: for streams that are gone, or never said so. */
  async checkStored(): Promise<void> {
    const message = await this.load();
    if (message === null || message.finishedAt !== null) this.sendFinal(STORED_EVENT_ID, message);
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.unfollow();
    this.connection.end();
  }

  private onEvents(events: readonly ReplyEvent[]): void {
    if (this.catchingUp || !this.connection.isWritable) {
      this.again = true;
      return;
    }
    for (const event of events) this.sendNext(event);
  }

  private catchUp(): void {
    if (this.catchingUp) {
      this.again = true;
      return;
    }
    this.catchingUp = true;
    void this.readOn();
  }

  private async readOn(): Promise<void> {
    do {
      this.again = false;
      try {
        const events = await this.stream.read(this.replyId, this.position);
        for (const event of events) this.sendNext(event);
        this.again ||= events.length > 0;
      } catch {
        // Redis is away. What the reader has meanwhile lies behind a gap, so it is not sent until this is through.
        this.again = true;
        await setTimeout(RETRY_MS, undefined, { ref: false });
      }
    } while (this.again && this.connection.isWritable && !this.ended);
    this.catchingUp = false;
  }

  private sendNext(event: ReplyEvent): void {
    if (this.ended || !this.connection.isWritable || !isAfter(event.id, this.position)) return;
    this.position = event.id;
    if (event.type === 'delta') this.connection.send('delta', event.id, { text: event.text });
    if (event.type === 'restart') this.connection.send('restart', event.id, {});
    if (event.type === 'final') void this.loadFinal(event.id);
  }

  private async loadFinal(id: string): Promise<void> {
    try {
      this.sendFinal(id, await this.load());
    } catch {
      // The client connects again and finds the stored message.
      this.end();
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
