import { type ClientRequest, get } from 'node:http';

const RECONNECT_MS = 30;

interface FinalEvent {
  id: string;
  event: 'done' | 'error';
  data: { content?: string; code?: string };
}

/**
 * A client of one stream that loses its connection again and again, and goes on from the last event it has, each time at
 * the next of the given servers. Cheap enough to have thousands of them.
 */
export class Watcher {
  /** What came in pieces. */
  text = '';
  /** What a person has on the screen in the end: with `done` comes the whole message. */
  shown = '';
  final: FinalEvent | undefined;
  /** How often it was told the end. */
  ends = 0;
  connects = 0;
  /** How often a stream was begun for it: more than once where it was cut off. */
  opens = 0;
  drops = 0;
  isOpen = false;
  /** Of the last event, where it goes on. */
  lastId = '';
  /** Answers that no client expects. */
  readonly failures: string[] = [];
  private left = false;
  private request: ClientRequest | undefined;

  /**
   * @param urls of the servers, taken in turn
   * @param dropAfter called at each connect: how many characters come before it is lost; Infinity keeps it
   */
  constructor(
    private readonly urls: readonly string[],
    private readonly path: string,
    private readonly dropAfter: () => number = () => Infinity,
  ) {
    this.connect();
  }

  get ended(): boolean {
    return this.final !== undefined || this.failures.length > 0;
  }

  /** Goes away for good. */
  leave(): void {
    this.left = true;
    this.request?.destroy();
  }

  private connect(): void {
    if (this.ended || this.left) return;
    const url = `${this.urls[this.connects % this.urls.length] ?? ''}${this.path}`;
    this.connects += 1;
    let left = this.dropAfter();
    let rest = '';
    const headers = this.lastId === '' ? {} : { 'last-event-id': this.lastId };
    const request = get(url, { agent: false, headers }, (response) => {
      if (response.statusCode !== 200 && response.statusCode !== 503) {
        this.failures.push(`status ${response.statusCode ?? 0} after ${this.lastId}`);
      }
      this.isOpen = response.statusCode === 200;
      if (this.isOpen) this.opens += 1;
      response.setEncoding('utf8').on('error', () => undefined);
      response.on('data', (text: string) => {
        const frames = (rest + text.slice(0, left)).split('\n\n');
        rest = frames.pop() ?? '';
        for (const frame of frames) this.take(frame);
        left -= text.length;
        if (left > 0 || this.ended) return;
        this.drops += 1;
        request.destroy();
      });
    });
    this.request = request;
    request.on('error', () => undefined);
    request.on('close', () => {
      this.isOpen = false;
      setTimeout(() => {
        this.connect();
      }, RECONNECT_MS).unref();
    });
  }

  private take(frame: string): void {
    const id = /^id: (.*)$/m.exec(frame)?.[1];
    const event = /^event: (.*)$/m.exec(frame)?.[1];
    if (event === 'done' || event === 'error') this.ends += 1;
    if (id === undefined || event === undefined || this.final !== undefined) return;
    this.lastId = id;
    const data = JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? 'null') as {
      text?: string;
      content?: string;
    };
    if (event === 'restart') this.text = '';
    if (event === 'delta') this.text += data.text ?? '';
    if (event !== 'done' && event !== 'error') return;
    this.final = { id, event, data };
    this.shown = data.content ?? '';
  }
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
