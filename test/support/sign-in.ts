import type { Answer } from './api.js';
import type { User } from './factories.js';
import type { TestApp } from './test-app.js';

export interface OtpSent {
  expiresAt: string;
  resendAt: string;
  otp?: string;
}

export interface Session {
  accessToken: string;
  tokenType: string;
  expiresIn: number;
  refreshToken: string;
  refreshExpiresAt: string;
  user: User & { createdAt: string; updatedAt: string };
}

/** Has a code sent, and returns it. */
export async function theCode(
  app: TestApp,
  mobile: string,
  by: 'send-otp' | 'forgot-password' = 'send-otp',
): Promise<string> {
  const { status, body } = await app.api.post<OtpSent>(`/v1/auth/${by}`, { mobile });
  if (status !== 200 || body.otp === undefined) throw new Error(`No code: ${JSON.stringify(body)}`);
  return body.otp;
}

/** A code that is not this one. */
export const notThe = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

export const verify = (app: TestApp, mobile: string, otp: string): Promise<Answer<Session>> =>
  app.api.post<Session>('/v1/auth/verify-otp', { mobile, otp });

export const login = (app: TestApp, mobile: string, password: string): Promise<Answer<Session>> =>
  app.api.post<Session>('/v1/auth/login', { mobile, password });

export const refresh = (app: TestApp, refreshToken: string): Promise<Answer<Session>> =>
  app.api.post<Session>('/v1/auth/refresh', { refreshToken });

export const me = (app: TestApp, token: string): Promise<Answer<User>> =>
  app.api.get<User>('/v1/users/me', { token });

/** The session that an access token is of. */
export const sidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sid: string }).sid;
