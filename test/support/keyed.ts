import type { Answer, Problem } from './api.js';
import type { Checkout } from './billing.js';
import type { Accepted, Room, SignedIn } from './factories.js';
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

export const times = <T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => make(n)));
