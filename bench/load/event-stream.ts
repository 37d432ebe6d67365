import { connect, type Socket } from 'node:net';

/** Reads an answer that goes on: looks for words in it, and keeps nothing else. */
export class EventStream {
  private readonly socket: Socket;
  private carried = '';
  private awaited: { marker: string; seen: (at: number) => void; failed: (error: Error) => void } | undefined;
  private readonly longest: number;

  /**
   * Sends the request at once. Every marker must come in this order.
   *
   * @param markers the longest bounds what is carried from one piece to the next
   */
  constructor(
    url: URL,
    request: Buffer,
    private readonly markers: readonly string[],
    address?: string,
  ) {
    this.longest = Math.max(...markers.map(({ length }) => length));
    this.socket = connect({
      ...{ host: url.hostname, port: Number(url.port), noDelay: true },
      ...(address === undefined ? {} : { localAddress: address }),
    });
    this.socket.write(request);
    this.socket.setEncoding('latin1').on('data', (piece: string) => {
      this.read(piece);
    });
    this.socket.on('error', (error) => {
      this.fail(error);
    });
    this.socket.on('close', () => {
      this.fail(new Error('The stream ended'));
    });
  }

  /** Resolves with `performance.now()` when the marker comes. One at a time, in the order in which they come. */
  when(marker: string): Promise<number> {
    if (!this.markers.includes(marker)) throw new Error(`Nobody looks for ${marker}`);
    return new Promise((seen, failed) => {
      this.awaited = { marker, seen, failed };
      this.read('');
    });
  }

  close(): void {
    this.awaited = undefined;
    this.socket.destroy();
  }

  private read(piece: string): void {
    const text = this.carried + piece;
    const at = this.awaited === undefined ? -1 : text.indexOf(this.awaited.marker);
    if (at >= 0 && this.awaited !== undefined) {
      const { marker, seen } = this.awaited;
      this.awaited = undefined;
      this.carried = text.slice(at + marker.length);
      seen(performance.now());
    } else this.carried = this.awaited === undefined ? text : text.slice(-this.longest);
  }

  private fail(error: Error): void {
    this.awaited?.failed(error);
    this.awaited = undefined;
  }
}
