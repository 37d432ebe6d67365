import { expect } from '@jest/globals';
import type { Answer } from './api.js';
import { aUser, type SignedIn } from './factories.js';
import type { Session } from './sign-in.js';
import type { TestApp } from './test-app.js';

export const PASSWORD = 'a passphrase of mine';
export const NEW_PASSWORD = 'my next passphrase';

export const changePassword = (app: TestApp, token: string, body: object): Promise<Answer<Session>> =>
  app.api.post<Session>('/v1/auth/change-password', body, { token });

/** A person with a password, signed in with what that gave them. */
export async function aMember(app: TestApp): Promise<SignedIn> {
  const user = await aUser(app);
  const { status, body } = await changePassword(app, user.token, { newPassword: PASSWORD });
  expect(status).toBe(200);
  return { ...user, token: body.accessToken };
}
