import { addressOf } from './closed-loop.js';
import { bytesOf } from './connection.js';
import { EventStream } from './event-stream.js';

const OPENING_AT_ONCE = 100;
const OK = 'HTTP/1.1 200';
const DELTA = 'event: delta';
const DONE = 'event: done';

/** Open from one call to the next. */
let open: { stream: EventStream; served: Promise<number> }[] = [];

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
      const stream = new EventStream(url, request, [OK, DELTA, DONE], addressOf(n));
      await stream.when(OK);
      const served = stream.when(DONE);
      // Whoever awaits them all hears of it.
      served.catch(() => undefined);
      open.push({ stream, served });
    }
  };
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, opener));
  return open.length;
}

/**
 * Resolves once each has got the whole reply; rejects when one ended without it.
 *
 * @returns how many got words before: who hears of the end by a look at the row (every 15 s) gets it all at once
 */
export async function awaitStreams(): Promise<number> {
  await Promise.all(open.map(({ served }) => served));
  return open.filter(({ stream }) => stream.has(DELTA)).length;
}

export function closeStreams(): Promise<void> {
  for (const { stream } of open) stream.close();
  open = [];
  return Promise.resolve();
}
