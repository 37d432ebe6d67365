import { expect } from '@jest/globals';
import { InvalidEnvError, loadEnv } from '../../src/config/load-env.js';

/** Every setting that has no default. */
export const MINIMAL = {
  DATABASE_URL: 'postgres://chat:chat@127.0.0.1:5432/chat',
  REDIS_URL: 'redis://127.0.0.1:6379',
  JWT_SECRET: 'Zk3v9QmT1xR7bL5nW8cY2hD6fJ4gS0pA',
  GEMINI_API_KEY: 'gemini-key',
  STRIPE_SECRET_KEY: 'sk_key',
  STRIPE_PRO_PRICE_ID: 'price_pro',
  STRIPE_WEBHOOK_SECRET: 'whsec_secret',
};
export const REQUIRED = Object.keys(MINIMAL) as (keyof typeof MINIMAL)[];
export const PRODUCTION = {
  ...MINIMAL,
  NODE_ENV: 'production',
  OTP_DELIVERY: 'log',
  OTP_DELIVERY_INSECURE_CONFIRMED: 'true',
};

/** What is wrong with these settings; nothing when they are usable. */
export function problemsOf(settings: Record<string, string | undefined>): string[] {
  try {
    loadEnv(settings);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidEnvError)) throw error;
    for (const problem of error.problems) expect(error.message).toContain(problem);
    return [...error.problems];
  }
}
