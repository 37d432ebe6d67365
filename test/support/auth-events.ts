import { expect } from '@jest/globals';
import type { Answer } from './api.js';
import { aUser, type SignedIn } from './factories.js';
import type { Session } from './sign-in.js';
import type { TestApp } from './test-app.js';
import { until } from './until.js';

export interface AuthEvent {
  id: string;
  kind: string;
  outcome: 'succeeded' | 'failed';
  method: 'code' | 'password' | null;
  sessionId: string | null;
  ip: string;
  userAgent: string | null;
  /** Of a number that was changed. */
  numbers?: { before: string; after: string };
  createdAt: string;
}

export const PASSWORD = 'a passphrase of mine';

/** A page of what happened to a person, newest first. */
export const eventPage = (
  app: TestApp,
  token: string,
  query = '',
): Promise<Answer<{ data: AuthEvent[]; nextCursor: string | null }>> =>
  app.api.get(`/v1/auth/events${query}`, { token });

/** What happened to a person so far, oldest first. */
export async function eventsOf(app: TestApp, token: string): Promise<AuthEvent[]> {
  const { status, body } = await eventPage(app, token, '?limit=100');
  expect(status).toBe(200);
  return body.data.reverse();
}

export const kindsOf = async (app: TestApp, token: string): Promise<string[]> =>
  (await eventsOf(app, token)).map(({ kind }) => kind);

/** Failures are noted after the request that failed, so one may have to be waited for. */
export const untilNoted = (app: TestApp, token: string, kind: string): Promise<AuthEvent> =>
  until(`${kind} is noted`, async () => (await eventsOf(app, token)).find((event) => event.kind === kind));

/** Somebody with the password above, signed in by the session in which it was set. */
export async function withPassword(app: TestApp): Promise<SignedIn & { session: Session }> {
  const user = await aUser(app);
  const { body } = await app.api.post<Session>(
    '/v1/auth/change-password',
    { newPassword: PASSWORD },
    { token: user.token },
  );
  return { ...user, token: body.accessToken, session: body };
}
