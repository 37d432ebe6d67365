import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LocalError } from './services/local-error.js';

/** What `npm run local` was asked for. */
export interface LocalSettings {
  /** Everything from the environment and `.env` that is not empty: handed to the app as it is. */
  given: Record<string, string>;
  port: number;
  /** Where we reach the app; the address it listens on unless that is a wildcard. */
  host: string;
  /** What no setting replaces, and therefore is started here. */
  embedded: {
    postgres: boolean;
    redis: boolean;
    gemini: boolean;
    stripe: boolean;
    sms: boolean;
    frontEnd: boolean;
  };
}

const DEFAULT_PORT = '5000';
/** Not 0.0.0.0: here one-time codes are in the answer, which nobody else in the café should be able to ask for. */
const DEFAULT_HOST = '127.0.0.1';

/** @throws LocalError that names the settings that are wrong, never their values. */
export function readSettings(root: string): LocalSettings {
  const envFile = join(root, '.env');
  // What is already in the environment wins.
  if (existsSync(envFile)) process.loadEnvFile(envFile);
  return settingsFrom(process.env);
}

export function settingsFrom(env: NodeJS.ProcessEnv): LocalSettings {
  const given: Record<string, string> & { PORT: string; HOST: string } = {
    PORT: DEFAULT_PORT,
    HOST: DEFAULT_HOST,
  };
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && value !== '') given[name] = value;
  }
  const ownStripe = Boolean(given.STRIPE_SECRET_KEY ?? given.STRIPE_API_BASE);
  if (ownStripe) requireStripeSettings(given);
  return {
    given,
    port: parsePort(given.PORT),
    host: ['0.0.0.0', '::'].includes(given.HOST) ? '127.0.0.1' : given.HOST,
    embedded: {
      postgres: !given.DATABASE_URL,
      redis: !given.REDIS_URL,
      gemini: !given.GEMINI_API_KEY && !given.GEMINI_BASE_URL,
      stripe: !ownStripe,
      // Also for who wants codes on the phone alone, as in production.
      sms: !given.OTP_WEBHOOK_URL && [undefined, 'webhook'].includes(given.OTP_DELIVERY),
      frontEnd: !given.FRONTEND_URL,
    },
  };
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new LocalError('PORT must be a whole number from 1 to 65535');
  return port;
}

function requireStripeSettings(given: Record<string, string>): void {
  const needed = ['STRIPE_SECRET_KEY', 'STRIPE_PRO_PRICE_ID', 'STRIPE_WEBHOOK_SECRET'];
  const missing = needed.filter((name) => !given[name]);
  if (missing.length === 0) return;
  const cause = given.STRIPE_SECRET_KEY ? 'STRIPE_SECRET_KEY' : 'STRIPE_API_BASE';
  throw new LocalError(
    `${cause} is set, so the app will use that Stripe account and also needs ${missing.join(' and ')}. ` +
      `Set ${missing.length > 1 ? 'them' : 'it'}, or remove ${cause} to use the simulated Stripe.`,
  );
}
