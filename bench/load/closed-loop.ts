import { Connection, bytesOf, type Request } from './connection.js';
import { Tally, type Tallied } from './tally.js';

export interface ClosedLoop {
  url: string;
  connections: number;
  /** In turn; each connection begins at a place of its own. */
  requests: readonly Request[];
  /** The status that every answer must have. */
  expected: number;
  /** Until either is reached. */
  seconds?: number;
  count?: number;
}

/** Each connection sends its next request when the one before is answered: as many at once as there are connections. */
export async function closedLoop(options: ClosedLoop): Promise<Tallied> {
  const url = new URL(options.url);
  const requests = options.requests.map((request) => bytesOf(request, url.host));
  const connections = Array.from(
    { length: options.connections },
    (_, n) => new Connection(url, addressOf(n)),
  );
  const tally = new Tally([options.expected]);
  const began = performance.now();
  const deadline = began + (options.seconds ?? Infinity) * 1000;
  let left = options.count ?? Infinity;
  let next = 0;
  const run = async (connection: Connection): Promise<void> => {
    for (let sent = performance.now(); sent < deadline && left > 0;) {
      left -= 1;
      const bytes = requests[next++ % requests.length];
      if (bytes === undefined) throw new Error('There is no request to send');
      const answer = await connection.send(bytes);
      const now = performance.now();
      tally.add(answer, now - sent);
      sent = now;
    }
  };
  try {
    await Promise.all(connections.map(run));
    return tally.result((performance.now() - began) / 1000);
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** As people come from different addresses: each connection from one of its own, of the 16 million of the loopback network. */
export const addressOf = (n: number): string | undefined =>
  process.platform === 'linux' ? `127.0.${1 + (Math.floor(n / 254) % 250)}.${1 + (n % 254)}` : undefined;
