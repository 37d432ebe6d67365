import type { OtpSent, Session } from './sign-in.js';
import type { TestApp } from './test-app.js';

const SOMEWHERE = '203.0.113.1';

/** With other settings, and behind a proxy that says where requests come from. */
export async function restartBehindProxy(app: TestApp, changes: Record<string, string>): Promise<void> {
  await app.process.kill();
  await app.restart({ TRUSTED_PROXIES: '127.0.0.1', ...changes });
}

/** One of 16 million. */
export const anAddress = (index: number): string => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });

export const sendCode = (app: TestApp, mobile: string, address = SOMEWHERE, by = 'send-otp') =>
  app.api.post<OtpSent>(`/v1/auth/${by}`, { mobile }, from(address));

export const guessCode = (app: TestApp, mobile: string, otp: string, address = SOMEWHERE) =>
  app.api.post<Session>('/v1/auth/verify-otp', { mobile, otp }, from(address));
