import type { FastifyReply } from 'fastify';

/** How soon a browser connects again after the connection was lost, ms. */
const RETRY_MS = 1000;

/** A response as a stream of server-sent events (WHATWG HTML, 9.2). Holds nothing back: what does not fit is refused. */
export class SseConnection {
  private readonly response: FastifyReply['raw'];
  private congested = false;

  constructor(reply: FastifyReply) {
    this.response = reply.raw;
    reply.hijack();
    this.response.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      // Proxies must neither keep nor collect what is to be seen now.
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    this.response.write(`retry: ${RETRY_MS}\n\n`);
  }

  /** False while the other side does not read: send nothing until `onDrain`. */
  get isWritable(): boolean {
    return !this.congested && !this.response.destroyed && !this.response.writableEnded;
  }

  send(event: string, id: string, data: object): void {
    this.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** A comment: keeps proxies from closing the connection, and finds out that the other side is gone. */
  heartbeat(): void {
    this.write(':\n\n');
  }

  end(): void {
    this.response.end();
  }

  onDrain(callback: () => void): void {
    this.response.on('drain', () => {
      this.congested = false;
      callback();
    });
  }

  onClose(callback: () => void): void {
    // Who has hung up already is not heard of again.
    if (this.response.destroyed) callback();
    else this.response.once('close', callback);
  }

  private write(text: string): void {
    if (this.response.destroyed || this.response.writableEnded) return;
    this.congested = !this.response.write(text) || this.congested;
  }
}
