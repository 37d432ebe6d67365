import { AppProcess } from '../../support/app-process.js';
import { findFreePort } from '../../../local/services/ports.js';
import { anyProblem } from '../../support/problem.js';
import { Api, type Problem } from '../../support/api.js';
import { type Accepted, aRoom, aUser, type Room, type SignedIn } from '../../support/factories.js';
import type { TestApp } from '../../support/test-app.js';

/** Between two tries of a client, ms. A real one would heed Retry-After, which is a second and more. */
const AGAIN_MS = 300;
/** A client gives up after this, and the test has found a prompt that cannot be sent. */
const PATIENCE_MS = 60_000;

/** Where a prompt can be sent. */
export interface Place {
  user: SignedIn;
  room: Pick<Room, 'id'>;
}

/** A prompt as its client knows it. */
export interface Sent extends Accepted {
  user: SignedIn;
  streamUrl: string;
  /** How often the client got no answer at all before. */
  cutOff: number;
  /** How often it got a 503 before. */
  refused: number;
}

/** Settings for a crowd: a tier whose prompts are counted, its limit far away; locks that a busy machine keeps. */
export const CROWD_SETTINGS = { BASIC_DAILY_PROMPTS: '100000', QUEUE_LOCK_MS: '4000' };

/** People with rooms: one place for each prompt of the load, so that all replies are generated at once. */
export async function aCrowd(app: TestApp, { people = 50, roomsEach = 4 } = {}): Promise<Place[]> {
  const places = await Promise.all(
    Array.from({ length: people }, async () => {
      const user = await aUser(app);
      const rooms = await Promise.all(Array.from({ length: roomsEach }, () => aRoom(app, user)));
      return rooms.map((room) => ({ user, room }));
    }),
  );
  return places.flat();
}

let lastKey = 0;

/**
 * Sends a prompt as a good client does: under one Idempotency-Key, to one API after the other, until one accepts it.
 * Whatever else it is told must be a clean "not now": a 503, or a 409 that says that the first try is still running.
 */
export async function send(place: Place, apis: readonly Api[], content: string, key?: string): Promise<Sent> {
  const { user, room } = place;
  lastKey += 1;
  const options = { token: user.token, headers: { 'idempotency-key': key ?? `load-${lastKey}` } };
  const deadline = Date.now() + PATIENCE_MS;
  let [cutOff, refused] = [0, 0];
  for (let turn = lastKey; Date.now() < deadline; turn += 1) {
    const api = apis[turn % apis.length] as Api;
    const answer = await api
      .post<Accepted & { streamUrl: string } & Problem>(
        `/v1/chatrooms/${room.id}/messages`,
        { content },
        options,
      )
      .catch(() => null);
    if (answer?.status === 202) return { ...answer.body, user, cutOff, refused };
    if (answer === null) cutOff += 1;
    else if (isNotNow(anyProblem(answer))) refused += 1;
    else throw new Error(`A prompt was refused: ${JSON.stringify(answer.body)}`);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
  throw new Error(`A prompt could not be sent: ${cutOff} times no answer, ${refused} times 503`);
}

const isNotNow = ({ status, code }: Problem): boolean =>
  (status === 503 && code === 'SERVICE_UNAVAILABLE') ||
  (status === 409 && code === 'IDEMPOTENT_REQUEST_RUNNING');

/** A prompt to every place, `everyMs` after one another. `accepted` grows while they are answered. */
export function sendAll(
  places: readonly Place[],
  apis: readonly Api[],
  contentOf: (n: number) => string,
  everyMs = 0,
): { accepted: Sent[]; all: Promise<Sent[]> } {
  const accepted: Sent[] = [];
  const all = Promise.all(
    places.map(async (place, n) => {
      await new Promise((resolve) => setTimeout(resolve, n * everyMs));
      const sent = await send(place, apis, contentOf(n));
      accepted.push(sent);
      return sent;
    }),
  );
  // Awaited later; a failure must not end the run before.
  all.catch(() => undefined);
  return { accepted, all };
}

/** One more process on the same Postgres and Redis. */
export async function aProcess(
  app: TestApp,
  role: 'api' | 'worker',
  changes: Record<string, string> = {},
): Promise<{ process: AppProcess; api: Api; env: Record<string, string> }> {
  const PORT = String(await findFreePort());
  const env = { ...app.env, PORT, PROCESS_ROLE: role, ...changes };
  const process = await AppProcess.start(env);
  return { process, api: new Api(process.url), env };
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
