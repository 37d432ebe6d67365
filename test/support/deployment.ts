import { existsSync } from 'node:fs';
import { expect } from '@jest/globals';
import { SETTING_NAMES } from '../../src/config/env.js';
import { InvalidEnvError, loadEnv } from '../../src/config/load-env.js';

/** What stopping takes beside SHUTDOWN_DELAY_MS and SHUTDOWN_GRACE_MS, at most; see main.ts. */
export const SHUTDOWN_MARGIN_MS = 5000;
/** The settings that the application has. */
export const KNOWN = new Set(SETTING_NAMES);

/** Good in production, to stand for what a Secret or .env holds. */
export const SECRETS: Record<string, string> = {
  DATABASE_URL: 'postgres://chat:pw@db:5432/chat',
  REDIS_URL: 'redis://redis:6379',
  JWT_SECRET: 'Zk3v9QmT1xR7bL5nW8cY2hD6fJ4gS0pA',
  GEMINI_API_KEY: 'gemini-key-51b8',
  STRIPE_SECRET_KEY: 'sk_live_key-40d2',
  STRIPE_PRO_PRICE_ID: 'price_pro-e613',
  STRIPE_WEBHOOK_SECRET: 'whsec_secret-a874',
  TWILIO_ACCOUNT_SID: 'AC0123456789abcdef0123456789abcdef',
  TWILIO_AUTH_TOKEN: '0123456789abcdef0123456789abcdef',
  TWILIO_FROM: '+15005550006',
};

/** What production needs beside these settings. */
export function missingIn(settings: Record<string, string | undefined>): string[] {
  try {
    loadEnv({ NODE_ENV: 'production', ...settings });
    return [];
  } catch (error) {
    if (!(error instanceof InvalidEnvError)) throw error;
    return error.problems.map((problem) => problem.replace(' is not set', ''));
  }
}

/** A command names a program of ours that the build makes. */
export function expectBuilt(command: readonly string[] | undefined): void {
  expect(command?.[0]).toBe('node');
  expect(existsSync(command?.[1] ?? '')).toBe(true);
}
