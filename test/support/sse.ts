import { until } from './until.js';

/** One server-sent event, as it came over the wire. */
export interface SseEvent {
  id: string;
  event: string;
  data: unknown;
}

/** A client of one stream: keeps what came, and can leave at any moment. */
export class SseClient {
  readonly events: SseEvent[] = [];
  readonly comments: string[] = [];
  ended = false;
  private readonly abort = new AbortController();

  private constructor(readonly response: Response) {}

  static async open(url: string, headers: Record<string, string> = {}): Promise<SseClient> {
    const abort = new AbortController();
    const response = await fetch(url, { headers, signal: abort.signal });
    const client = new SseClient(response);
    client.abort.signal.addEventListener('abort', () => {
      abort.abort();
    });
    void client.read();
    return client;
  }

  /** What a person would have on the screen now. */
  get text(): string {
    let text = '';
    for (const { event, data } of this.events) {
      if (event === 'restart') text = '';
      if (event === 'delta') text += (data as { text: string }).text;
    }
    return text;
  }

  /** The first event of that kind, waited for. */
  async the(kind: string): Promise<SseEvent> {
    return until(`the event ${kind}`, () => this.events.find(({ event }) => event === kind));
  }

  async end(): Promise<void> {
    await until('the stream ends', () => this.ended);
  }

  leave(): void {
    this.abort.abort();
  }

  private async read(): Promise<void> {
    let rest = '';
    try {
      for await (const text of this.response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const frames = (rest + text).split('\n\n');
        rest = frames.pop() ?? '';
        for (const frame of frames) this.take(frame);
      }
    } catch {
      // Left, or cut off.
    }
    this.ended = true;
  }

  private take(frame: string): void {
    if (frame.startsWith(':')) this.comments.push(frame);
    const fields = Object.fromEntries(
      frame.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)),
    ) as Record<string, string>;
    if (fields.event === undefined) return;
    this.events.push({ id: fields.id ?? '', event: fields.event, data: JSON.parse(fields.data ?? 'null') });
  }
}
