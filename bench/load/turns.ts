import { latencies } from '../harness/statistics.js';
import { addressOf } from './closed-loop.js';
import { bytesOf, Connection } from './connection.js';
import { EventStream } from './event-stream.js';

/** Words with which the simulated model begins every reply, and with which it ends. */
const MODEL_BEGINS = 'You said';
const MODEL_ENDS = '"finishReason"';
const FIRST = 'event: delta';
const LAST = 'event: done';

export interface Turns {
  url: string;
  /** Who talks at once. Without a token it is the model itself that is asked. */
  talkers: readonly { token?: string; path: string; body: unknown }[];
  /** Each of them, one after the other. */
  turnsEach: number;
  /** Ms over which the first turns are spread; 0: all in one instant. */
  spreadOverMs: number;
}

/** Each sends a prompt, reads the reply to its end, and sends the next: ms from the prompt to the first words of its reply. */
export async function turns({ url: base, talkers, turnsEach, spreadOverMs }: Turns) {
  const url = new URL(base);
  const ms: number[] = [];
  const talk = async (talker: Turns['talkers'][number], n: number): Promise<void> => {
    const wait = (spreadOverMs * n) / talkers.length;
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const ask = bytesOf({ method: 'POST', ...talker }, url.host);
    const connection = new Connection(url, addressOf(n));
    try {
      for (let turn = 0; turn < turnsEach; turn += 1) {
        const sent = performance.now();
        const isModel = talker.token === undefined;
        const stream = isModel
          ? new EventStream(url, ask, [MODEL_BEGINS, MODEL_ENDS], addressOf(n))
          : await openReply(url, connection, ask, addressOf(n));
        ms.push((await stream.when(isModel ? MODEL_BEGINS : FIRST)) - sent);
        await stream.when(isModel ? MODEL_ENDS : LAST);
        stream.close();
      }
    } finally {
      connection.close();
    }
  };
  await Promise.all(talkers.map(talk));
  return { answers: ms.length, ...latencies(ms) };
}

/** Sends the prompt, and opens what its answer says is the stream of the reply. */
async function openReply(
  url: URL,
  connection: Connection,
  prompt: Buffer,
  address: string | undefined,
): Promise<EventStream> {
  const { status, body } = await connection.send(prompt);
  if (status !== 202) throw new Error(`Answered ${status}: ${body.toString().slice(0, 500)}`);
  const { streamUrl } = JSON.parse(body.toString()) as { streamUrl: string };
  return new EventStream(url, bytesOf({ method: 'GET', path: streamUrl }, url.host), [FIRST, LAST], address);
}
