import type { Answer } from './api.js';
import { aUser } from './factories.js';
import { type Session, theCode, verify } from './sign-in.js';
import type { TestApp } from './test-app.js';

interface Listed {
  id: string;
  device: string | null;
  userAgent: string | null;
  ip: string;
  createdAt: string;
  lastUsedAt: string;
  expiresAt: string;
  current: boolean;
}

/** The same person on so many devices. */
export async function onDevices(app: TestApp, count: number): Promise<Session[]> {
  const mobile = (await aUser(app)).mobile;
  await app.database.query('DELETE FROM sessions USING users WHERE user_id = users.id AND mobile = $1', [
    mobile,
  ]);
  const sessions: Session[] = [];
  for (let n = 0; n < count; n += 1)
    sessions.push((await verify(app, mobile, await theCode(app, mobile))).body);
  return sessions;
}

export const listSessions = (
  app: TestApp,
  token: string,
  query = '',
): Promise<Answer<{ data: Listed[]; nextCursor: string | null }>> =>
  app.api.get(`/v1/auth/sessions${query}`, { token });

export const logout = (app: TestApp, token: string): Promise<Answer<unknown>> =>
  app.api.post('/v1/auth/logout', undefined, { token });
