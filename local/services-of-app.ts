import { join } from 'node:path';
import { startFrontEnd } from './front-end.js';
import { startPostgres } from './services/postgres.js';
import { startRedis } from './services/redis.js';
import type { LocalSecrets } from './secrets.js';
import type { LocalSettings } from './settings.js';
import type { Part, Shutdown } from './shutdown.js';
import { startSimulatedGemini } from './simulated-gemini/simulated-gemini.js';
import { startSimulatedSms } from './simulated-sms/simulated-sms.js';
import { startSimulatedStripe } from './simulated-stripe/simulated-stripe.js';

const DATABASE = 'gemini_chat';
const PRO_PRICE_ID = 'price_simulated_pro';
const PRO_YEARLY_PRICE_ID = 'price_simulated_pro_yearly';
/** The app's own grace is shortened to this: nobody at a terminal waits for the 25 s that suit production. */
const SHUTDOWN_GRACE_MS = '10000';

/** Settings by name, as the app reads them. */
type Env = Record<string, string>;

/**
 * Starts, all at once, the services that no setting replaces.
 *
 * @returns the whole environment of the app.
 */
export async function startServices(
  settings: LocalSettings,
  secrets: LocalSecrets,
  dataDir: string,
  shutdown: Shutdown,
): Promise<Env> {
  const { embedded, given } = settings;
  const parts = await Promise.all([
    embedded.postgres ? postgres(dataDir, shutdown) : {},
    embedded.redis ? redis(dataDir, shutdown) : {},
    embedded.gemini ? gemini(secrets, shutdown) : {},
    embedded.stripe ? stripe(settings, secrets, dataDir, shutdown) : {},
    embedded.sms ? sms(settings, secrets, shutdown) : {},
    embedded.frontEnd ? frontEnd(settings, shutdown) : {},
  ]);
  const defaults: Env = {
    NODE_ENV: 'development',
    PROCESS_ROLE: 'all',
    JWT_SECRET: secrets.jwtSecret,
    // Only reached when GEMINI_BASE_URL names a stand-in of the person's own.
    GEMINI_API_KEY: secrets.geminiApiKey,
    SHUTDOWN_GRACE_MS,
  };
  return Object.assign(defaults, given, ...parts) as Env;
}

async function postgres(dataDir: string, shutdown: Shutdown): Promise<Env> {
  const { url } = await shutdown.start('PostgreSQL', () =>
    startPostgres({ dataDir: join(dataDir, 'postgres'), persistent: true, database: DATABASE }),
  );
  return { DATABASE_URL: url };
}

async function redis(dataDir: string, shutdown: Shutdown): Promise<Env> {
  const { url } = await shutdown.start('Redis', () =>
    startRedis({ dataDir: join(dataDir, 'redis'), persistent: true }),
  );
  return { REDIS_URL: url };
}

async function gemini(secrets: LocalSecrets, shutdown: Shutdown): Promise<Env> {
  const apiKey = secrets.geminiApiKey;
  const { url } = await shutdown.start('simulated Gemini', async () =>
    asPart(await startSimulatedGemini({ apiKey })),
  );
  return { GEMINI_API_KEY: apiKey, GEMINI_BASE_URL: url };
}

async function stripe(
  { given, port, host }: LocalSettings,
  secrets: LocalSecrets,
  dataDir: string,
  shutdown: Shutdown,
): Promise<Env> {
  const secretKey = secrets.stripeSecretKey;
  const webhookSecret = given.STRIPE_WEBHOOK_SECRET ?? secrets.stripeWebhookSecret;
  const proPriceId = given.STRIPE_PRO_PRICE_ID ?? PRO_PRICE_ID;
  const proYearlyPriceId = given.STRIPE_PRO_YEARLY_PRICE_ID ?? PRO_YEARLY_PRICE_ID;
  const webhookUrl = `${httpUrl(host, port)}/webhook/stripe`;
  const dataFile = join(dataDir, 'stripe.json');
  const { url } = await shutdown.start('simulated Stripe', async () =>
    asPart(
      await startSimulatedStripe({
        ...{ secretKey, webhookUrl, proPriceId, proYearlyPriceId, dataFile },
        // While two of them are rotated, it signs with the first one.
        webhookSecret: webhookSecret.split(',')[0]?.trim() ?? '',
      }),
    ),
  );
  return {
    STRIPE_SECRET_KEY: secretKey,
    STRIPE_API_BASE: url,
    STRIPE_PRO_PRICE_ID: proPriceId,
    STRIPE_PRO_YEARLY_PRICE_ID: proYearlyPriceId,
    STRIPE_WEBHOOK_SECRET: webhookSecret,
  };
}

/** The code is in the answer, which suits who tries things out, and the message arrives on the phone as well. */
async function sms({ given }: LocalSettings, secrets: LocalSecrets, shutdown: Shutdown): Promise<Env> {
  const secret = secrets.smsWebhookSecret;
  const { webhookUrl } = await shutdown.start('simulated SMS', async () => {
    const gateway = await startSimulatedSms({ secret });
    return { ...asPart(gateway), webhookUrl: gateway.webhookUrl };
  });
  return {
    OTP_DELIVERY: given.OTP_DELIVERY ?? 'response',
    OTP_WEBHOOK_URL: webhookUrl,
    OTP_WEBHOOK_SECRET: secret,
  };
}

async function frontEnd({ port, host }: LocalSettings, shutdown: Shutdown): Promise<Env> {
  const { url } = await shutdown.start('stand-in front end', async () =>
    asPart(await startFrontEnd({ apiUrl: httpUrl(host, port) })),
  );
  return { FRONTEND_URL: url };
}

function asPart(server: { url: string; close(): Promise<void> }): Part & { url: string } {
  return { url: server.url, stop: () => server.close() };
}

export function httpUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
