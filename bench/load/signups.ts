import { type Answer, bytesOf, Connection } from './connection.js';
import { addressOf } from './closed-loop.js';
import { Tally, type Tallied } from './tally.js';

export interface Signups {
  url: string;
  connections: number;
  seconds: number;
  /** Digits of a number before its last eight. */
  prefix: string;
  /** Numbers from this one on are new. */
  firstNumber: number;
}

/** Each connection signs one new number up after the other: signup, send-otp, verify-otp. A latency is that of all three. */
export async function signups(options: Signups): Promise<Tallied & { lastNumber: number }> {
  const url = new URL(options.url);
  const connections = Array.from(
    { length: options.connections },
    (_, n) => new Connection(url, addressOf(n)),
  );
  const tally = new Tally([200]);
  const began = performance.now();
  const deadline = began + options.seconds * 1000;
  let number = options.firstNumber;
  const post = (path: string, body: object): Buffer =>
    bytesOf({ method: 'POST', path: `/v1/auth/${path}`, body }, url.host);
  const run = async (connection: Connection): Promise<void> => {
    while (performance.now() < deadline) {
      const sent = performance.now();
      const mobile = `${options.prefix}${String(number++).padStart(8, '0')}`;
      mustBe(201, await connection.send(post('signup', { mobile })));
      const code = mustBe(200, await connection.send(post('send-otp', { mobile })));
      const { otp } = JSON.parse(code.body.toString()) as { otp: string };
      tally.add(await connection.send(post('verify-otp', { mobile, otp })), performance.now() - sent);
    }
  };
  try {
    await Promise.all(connections.map(run));
    return { ...tally.result((performance.now() - began) / 1000), lastNumber: number };
  } finally {
    for (const connection of connections) connection.close();
  }
}

function mustBe(status: number, answer: Answer): Answer {
  if (answer.status === status) return answer;
  throw new Error(`Answered ${answer.status} instead of ${status}: ${answer.body.toString().slice(0, 500)}`);
}
