import { Logger } from '@nestjs/common';
import { type AppendResult, type ReplyStream } from './reply-stream.js';

/** Chunks that come within this time go out as one event: faster than an eye, and a tenth of the events. */
const COALESCE_MS = 30;

/**
 * Writes the text of one attempt to the reply's stream as it comes: the first chunk at once, later ones coalesced, one
 * append at a time. The stream is what people watch; what they are promised is the row. So a Redis that fails costs
 * them the live view and never the reply.
 */
export class LiveText {
  private readonly logger = new Logger(LiveText.name);
  private whole = '';
  private pending = '';
  private broken = false;
  private closed = false;
  private flushing: Promise<void> | undefined;
  private endPause: () => void = () => undefined;

  /** @param onFenced a newer attempt has the reply, or it is final: stop writing it */
  constructor(
    private readonly stream: ReplyStream,
    private readonly replyId: string,
    private readonly attempt: number,
    private readonly onFenced: () => void,
  ) {}

  /** First of all. What is written goes behind it; nobody need wait for it. */
  begin(): void {
    this.flushing = this.try(() => this.stream.begin(this.replyId, this.attempt)).then(() => this.flush());
  }

  write(text: string): void {
    if (text === '' || this.closed) return;
    this.whole += text;
    this.pending += text;
    this.flushing ??= this.flush();
  }

  /** Sends what is left. */
  async close(): Promise<void> {
    this.closed = true;
    this.endPause();
    await this.flushing;
  }

  private async flush(): Promise<void> {
    while (this.pending !== '') {
      const text = this.pending;
      this.pending = '';
      await this.append(text);
      if (!this.closed) await this.pause();
    }
    this.flushing = undefined;
  }

  private async append(text: string): Promise<void> {
    const result = this.broken
      ? 'lost'
      : await this.try(() => this.stream.delta(this.replyId, this.attempt, text));
    if (result !== 'lost') return;
    // Readers start over with all there is.
    const restarted = await this.try(() => this.stream.restart(this.replyId, this.attempt));
    if (restarted !== 'ok') return;
    // Has what was written meanwhile, too.
    this.pending = '';
    await this.try(() => this.stream.delta(this.replyId, this.attempt, this.whole));
  }

  private async try(append: () => Promise<AppendResult>): Promise<AppendResult | undefined> {
    try {
      const result = await append();
      this.broken = false;
      if (result === 'fenced') this.onFenced();
      return result;
    } catch (err) {
      if (!this.broken)
        this.logger.warn({ err, replyId: this.replyId }, 'A reply cannot be watched live for now');
      this.broken = true;
      return undefined;
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, COALESCE_MS);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
