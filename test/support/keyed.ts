import type { Answer, Problem } from './api.js';
import type { Checkout } from './billing.js';
import { type Accepted, aRoom, aUser, type Room, type SignedIn } from './factories.js';
import type { TestApp } from './test-app.js';

let lastKey = 0;

/** An idempotency key that this spec has not used. */
export function aKey(): string {
  lastKey += 1;
  return `key-${lastKey}`;
}

/** Sends a prompt under an idempotency key. */
export const sendKeyed = (
  app: TestApp,
  user: SignedIn,
  room: Pick<Room, 'id'>,
  key: string,
  body: unknown = { content: 'Hello' },
): Promise<Answer<Accepted & Problem>> =>
  app.api.post(`/v1/chatrooms/${room.id}/messages`, body, {
    token: user.token,
    headers: { 'idempotency-key': key },
  });

/** Asks for a checkout under an idempotency key. */
export const checkoutKeyed = (
  app: TestApp,
  user: SignedIn,
  key: string,
): Promise<Answer<Checkout & Problem>> =>
  app.api.post('/v1/billing/checkout', undefined, { token: user.token, headers: { 'idempotency-key': key } });

export const isReplayed = ({ headers }: Answer<unknown>): boolean =>
  headers.get('idempotency-replayed') === 'true';

/** The body of an answer, but for the ticket of its stream: that ends, and is made anew. */
export const textOf = (answer: Answer<unknown> | undefined): string =>
  JSON.stringify(answer?.body).replace(/\?ticket=[\w-]+/, '');

export async function aUserWithARoom(app: TestApp): Promise<[SignedIn, Room]> {
  const user = await aUser(app);
  return [user, await aRoom(app, user)];
}

interface Stored {
  prompts: number;
  replies: number;
  charges: number;
  keys: number;
}

/** How much there is of a person's. */
export async function stored(app: TestApp, user: SignedIn): Promise<Stored> {
  const { rows } = await app.database.query<Stored>(
    `SELECT (SELECT count(*)::int FROM messages WHERE user_id = $1 AND role = 'user') AS prompts,
            (SELECT count(*)::int FROM messages WHERE user_id = $1 AND role = 'model') AS replies,
            (SELECT count(*)::int FROM prompt_charges WHERE user_id = $1) AS charges,
            (SELECT count(*)::int FROM idempotency_keys WHERE user_id = $1) AS keys`,
    [user.id],
  );
  return rows[0] as Stored;
}

export const times = <T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => make(n)));
