import { addressOf } from './closed-loop.js';
import { type Answer, bytesOf, Connection, type Request } from './connection.js';
import { EventStream } from './event-stream.js';
import { latencies } from '../harness/statistics.js';

const FIRST = 'event: delta';
const LAST = 'event: done';

export interface Mixed {
  url: string;
  people: readonly { mobile: string; token: string; rooms: readonly string[] }[];
  prompt: string;
  seconds: number;
  /** Actions a second, begun when they are due; null: `AT_ONCE` people, each one action after the other. */
  perSecond: number | null;
}

const AT_ONCE = 200;
/** Connections from the beginning on, as many as are needed at most: what grows is then the server's own. */
const AT_FIRST = AT_ONCE;

/** Of twenty things that people do, so many: list their rooms, read a page, send a prompt and read its reply, sign in. */
const DEEDS = [
  ...Array<Deed>(12).fill('list'),
  ...Array<Deed>(5).fill('history'),
  ...Array<Deed>(2).fill('turn'),
  'sign-in',
] as const;
type Deed = 'list' | 'history' | 'turn' | 'sign-in';

/** What many people do in turn. Their rooms are taken in turn, too, so that no room has more than a few turns at once. */
export async function mixed(options: Mixed) {
  const crowd = new Crowd(options);
  const began = performance.now();
  const ms: number[] = [];
  const act = async (n: number, due: number): Promise<void> => {
    await crowd.act(n);
    ms.push(performance.now() - due);
  };
  const { perSecond, seconds } = options;
  const deadline = began + seconds * 1000;
  if (perSecond === null) {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (performance.now() < deadline) await act(next++, performance.now());
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } else {
    const acts: Promise<void>[] = [];
    for (let n = 0; n < perSecond * seconds; n += 1) {
      const due = began + (n * 1000) / perSecond;
      const early = due - performance.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      acts.push(act(n, due));
    }
    await Promise.all(acts);
  }
  crowd.leave();
  return { 'per s': (ms.length * 1000) / (performance.now() - began), ...latencies(ms) };
}

class Crowd {
  private readonly url: URL;
  private readonly idle: Connection[];
  private connections = AT_FIRST;

  constructor(private readonly options: Mixed) {
    this.url = new URL(options.url);
    this.idle = Array.from({ length: AT_FIRST }, (_, n) => new Connection(this.url, addressOf(n)));
  }

  async act(n: number): Promise<void> {
    const { people } = this.options;
    const person = people[n % people.length] as Mixed['people'][number];
    const room = person.rooms[Math.floor(n / people.length) % person.rooms.length] ?? '';
    const { token, mobile } = person;
    // Another deed each time that a person's turn comes, whatever their number divides by.
    const deed = DEEDS[(n + Math.floor(n / people.length)) % DEEDS.length];
    if (deed === 'list') await this.send(200, { method: 'GET', path: '/v1/chatrooms', token });
    else if (deed === 'history') {
      await this.send(200, { method: 'GET', path: `/v1/chatrooms/${room}/messages`, token });
    } else if (deed === 'turn') await this.turn(token, room);
    else await this.signIn(mobile);
  }

  leave(): void {
    for (const connection of this.idle) connection.close();
  }

  private async turn(token: string, room: string): Promise<void> {
    const path = `/v1/chatrooms/${room}/messages`;
    const { body } = await this.send(202, {
      method: 'POST',
      path,
      token,
      body: { content: this.options.prompt },
    });
    const { streamUrl } = JSON.parse(body.toString()) as { streamUrl: string };
    const watch = bytesOf({ method: 'GET', path: streamUrl }, this.url.host);
    const stream = new EventStream(this.url, watch, [FIRST, LAST], addressOf(this.connections));
    await stream.when(FIRST);
    await stream.when(LAST);
    stream.close();
  }

  private async signIn(mobile: string): Promise<void> {
    const sent = await this.send(200, { method: 'POST', path: '/v1/auth/send-otp', body: { mobile } });
    const { otp } = JSON.parse(sent.body.toString()) as { otp: string };
    await this.send(200, { method: 'POST', path: '/v1/auth/verify-otp', body: { mobile, otp } });
  }

  private async send(expected: number, request: Request): Promise<Answer> {
    // In turn, so that the server closes none for having been idle.
    const connection = this.idle.shift() ?? new Connection(this.url, addressOf(this.connections++));
    const answer = await connection.send(bytesOf(request, this.url.host));
    if (answer.status !== expected) {
      throw new Error(`${request.path}: answered ${answer.status}: ${answer.body.toString().slice(0, 500)}`);
    }
    this.idle.push(connection);
    return answer;
  }
}
