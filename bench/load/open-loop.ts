import { addressOf } from './closed-loop.js';
import { bytesOf, Connection, type Request } from './connection.js';
import { Tally, type Tallied } from './tally.js';

export interface OpenLoop {
  url: string;
  perSecond: number;
  seconds: number;
  /** In turn. */
  requests: readonly Request[];
  /** Statuses that an answer may have. */
  expected: readonly number[];
}

/**
 * Sends every request when it is due, however late the answers are, and counts its time from then: what people meet whose
 * coming does not depend on how others fare.
 */
export async function openLoop({
  url: base,
  perSecond,
  seconds,
  requests,
  expected,
}: OpenLoop): Promise<Tallied> {
  const url = new URL(base);
  const bytes = requests.map((request) => bytesOf(request, url.host));
  const tally = new Tally(expected);
  const idle: Connection[] = [];
  let connections = 0;
  const send = async (n: number, due: number): Promise<void> => {
    const connection = idle.pop() ?? new Connection(url, addressOf(connections++));
    const answer = await connection.send(bytes[n % bytes.length] ?? Buffer.alloc(0));
    tally.add(answer, performance.now() - due);
    idle.push(connection);
  };
  const began = performance.now();
  const answers: Promise<void>[] = [];
  for (let n = 0; n < perSecond * seconds; n += 1) {
    const due = began + (n * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    answers.push(send(n, due));
  }
  await Promise.all(answers);
  for (const connection of idle) connection.close();
  return tally.result((performance.now() - began) / 1000);
}
