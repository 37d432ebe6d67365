import { addressOf } from './closed-loop.js';
import { bytesOf } from './connection.js';
import { EventStream } from './event-stream.js';

const OPENING_AT_ONCE = 100;
/** As browsers wait before they connect again. */
const RETRY_MS = 3000;
const CUT_OFFS_MAX = 5;
const OK = 'HTTP/1.1 200';
const DELTA = 'event: delta';
const DONE = 'event: done';

/** Open from one call to the next. */
let open: Watched[] = [];

export interface OpenStreams {
  url: string;
  streams: readonly { path: string; token: string }[];
}

/** Opens them all; resolves once each is answered 200. @returns how many are open */
export async function openStreams({ url: base, streams }: OpenStreams): Promise<number> {
  const url = new URL(base);
  let next = 0;
  const opener = async (): Promise<void> => {
    for (let n = next++; n < streams.length; n = next++) {
      const { path, token } = streams[n] as OpenStreams['streams'][number];
      const request = bytesOf({ method: 'GET', path, token }, url.host);
      const watched = new Watched(() => new EventStream(url, request, [OK, DELTA, DONE], addressOf(n)));
      await watched.isOpen;
      open.push(watched);
    }
  };
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, opener));
  return open.length;
}

/**
 * Resolves once each has got the whole reply; rejects when one did not, after having been opened again.
 *
 * @returns how many got words before (who hears of the end by a look at the row, every 15 s, gets it all at once), and how
 * many were cut off and opened again
 */
export async function awaitStreams(): Promise<{ live: number; cutOff: number }> {
  await Promise.all(open.map(({ served }) => served));
  return {
    live: open.filter(({ gotWords }) => gotWords).length,
    cutOff: open.filter(({ cutOffs }) => cutOffs > 0).length,
  };
}

export function closeStreams(): Promise<void> {
  for (const watched of open) watched.close();
  open = [];
  return Promise.resolve();
}

/** One who watches a reply, and opens the stream again when it ends too soon, as browsers do. */
class Watched {
  cutOffs = 0;
  gotWords = false;
  readonly isOpen: Promise<number>;
  readonly served: Promise<void>;
  private stream: EventStream;

  constructor(private readonly connect: () => EventStream) {
    this.stream = connect();
    this.isOpen = this.stream.when(OK);
    this.served = this.watch();
    // Whoever awaits it hears of it.
    this.served.catch(() => undefined);
  }

  close(): void {
    this.stream.close();
  }

  private async watch(): Promise<void> {
    for (;;) {
      try {
        await this.stream.when(DONE);
        return;
      } catch (error) {
        this.cutOffs += 1;
        if (this.cutOffs > CUT_OFFS_MAX) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        this.stream = this.connect();
      } finally {
        this.gotWords ||= this.stream.has(DELTA);
      }
    }
  }
}
