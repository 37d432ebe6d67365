import { connect, type Socket } from 'node:net';

/** Of what came last, for the message when a stream ends too soon. */
const REMEMBERED = 300;

/** Reads an answer that goes on: notes when certain words come for the first time, and keeps nothing else. */
export class EventStream {
  private readonly socket: Socket;
  private last = '';
  private readonly seen = new Map<string, number>();
  private awaited: { marker: string; done: (at: number) => void; failed: (error: Error) => void }[] = [];
  private broken: Error | undefined;

  /** Sends the request at once. @param markers the words, of fewer characters than are remembered */
  constructor(
    url: URL,
    request: Buffer,
    private readonly markers: readonly string[],
    address?: string,
  ) {
    this.socket = connect({
      ...{ host: url.hostname, port: Number(url.port), noDelay: true },
      ...(address === undefined ? {} : { localAddress: address }),
    });
    this.socket.write(request);
    this.socket.setEncoding('latin1').on('data', (piece: string) => {
      this.read(piece);
    });
    this.socket.on('error', (error) => {
      this.fail(error.message);
    });
    this.socket.on('close', () => {
      this.fail('it was closed');
    });
  }

  /** Resolves with `performance.now()` of when the marker came; rejects when the stream ends without it. */
  when(marker: string): Promise<number> {
    return new Promise((done, failed) => {
      const at = this.seen.get(marker);
      if (at !== undefined) done(at);
      else if (this.broken) failed(this.broken);
      else this.awaited.push({ marker, done, failed });
    });
  }

  has(marker: string): boolean {
    return this.seen.has(marker);
  }

  close(): void {
    this.awaited = [];
    this.socket.destroy();
  }

  private read(piece: string): void {
    const text = this.last + piece;
    for (const marker of this.markers) {
      if (!this.seen.has(marker) && text.includes(marker)) this.note(marker, performance.now());
    }
    this.last = text.slice(-REMEMBERED);
  }

  private note(marker: string, at: number): void {
    this.seen.set(marker, at);
    for (const { done } of this.awaited.filter((each) => each.marker === marker)) done(at);
    this.awaited = this.awaited.filter((each) => each.marker !== marker);
  }

  private fail(reason: string): void {
    this.broken ??= new Error(`A stream ended too soon (${reason}), with: ${this.last}`);
    for (const { failed } of this.awaited) failed(this.broken);
    this.awaited = [];
  }
}
