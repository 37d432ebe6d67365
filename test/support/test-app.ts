import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { findFreePort } from '../../local/services/ports.js';
import { type SimulatedGemini, startSimulatedGemini } from '../../local/simulated-gemini/simulated-gemini.js';
import { type SimulatedStripe, startSimulatedStripe } from '../../local/simulated-stripe/simulated-stripe.js';
import { TEMPLATE_DATABASE } from '../setup/shared-services.js';
import { Api } from './api.js';
import { AppProcess } from './app-process.js';
import { ENGINE_SETTINGS, startTestRedis, type TestRedis } from './engines.js';

const STRIPE = {
  secretKey: 'sk_test_e2e',
  webhookSecret: 'whsec_e2e',
  proPriceId: 'price_pro',
  proYearlyPriceId: 'price_pro_yearly',
};
const GEMINI_KEY = 'gemini-key-e2e';

/** Specs sign up many people quickly, with numbers that follow each other. */
const WIDE_LIMITS = Object.fromEntries(
  [
    'OTP_SENDS_PER_NUMBER',
    'OTP_SENDS_PER_ADDRESS',
    'OTP_SENDS_PER_PREFIX',
    'OTP_SENDS_PER_DIAL_CODE',
    'OTP_SENDS_TOTAL',
    'OTP_GUESSES_PER_NUMBER',
    'OTP_GUESSES_PER_ADDRESS',
    'SIGNUPS_PER_ADDRESS',
  ].map((name) => [name, '100000/1d']),
);

/** The whole product around one application process, private to a spec. */
export interface TestApp {
  /** Talks to the application over HTTP. */
  api: Api;
  /** The process now; replaced by `restart`. */
  process: AppProcess;
  env: Record<string, string>;
  /** This spec's own database, for looking and for preparing what no request can. */
  database: pg.Pool;
  redis: TestRedis;
  gemini: SimulatedGemini;
  stripe: SimulatedStripe;
  /** Starts the application again, on the same port, after it was killed or stopped. */
  restart(changes?: Record<string, string>): Promise<void>;
  stop(): Promise<void>;
}

/** @param settings of the application, in place of the defaults of the tests (fast model, wide limits) */
export async function startTestApp(settings: Record<string, string> = {}): Promise<TestApp> {
  const port = String(await findFreePort());
  const [databaseUrl, redis, gemini, stripe] = await Promise.all([
    createDatabase(),
    startTestRedis(),
    startSimulatedGemini({ apiKey: GEMINI_KEY, firstTokenMs: 0, chunkMs: 0 }),
    startSimulatedStripe({ ...STRIPE, webhookUrl: `http://127.0.0.1:${port}/webhook/stripe` }),
  ]);
  const env = {
    NODE_ENV: 'test',
    HOST: '127.0.0.1',
    PORT: port,
    ...databaseSettings(databaseUrl),
    REDIS_URL: redis.url,
    ...ENGINE_SETTINGS,
    JWT_SECRET: randomBytes(32).toString('base64'),
    OTP_RESEND_SECONDS: '0',
    ...WIDE_LIMITS,
    THROTTLE_IP_PER_MINUTE: '100000',
    THROTTLE_USER_PER_MINUTE: '100000',
    // Specs sign in often, and from one address; test/passwords.spec.ts has the limits that people meet.
    PASSWORD_MAX_GUESSES_PER_IP: '100000',
    PASSWORD_HASH_WAITING_MAX: '1000',
    GEMINI_API_KEY: GEMINI_KEY,
    GEMINI_BASE_URL: gemini.url,
    ROOM_UNANSWERED_MAX: '10000',
    USER_UNANSWERED_MAX: '10000',
    // Specs count calls to the model; test/titles.spec.ts and test/title-failures.spec.ts switch it on.
    TITLES_ENABLED: 'false',
    REPLY_RETRY_BASE_MS: '20',
    QUEUE_LOCK_MS: '2000',
    SWEEP_INTERVAL_MS: '500',
    PRUNE_INTERVAL_MS: '500',
    STRIPE_SECRET_KEY: STRIPE.secretKey,
    STRIPE_WEBHOOK_SECRET: STRIPE.webhookSecret,
    STRIPE_PRO_PRICE_ID: STRIPE.proPriceId,
    STRIPE_PRO_YEARLY_PRICE_ID: STRIPE.proYearlyPriceId,
    STRIPE_API_BASE: stripe.url,
    STRIPE_EVENT_RETRY_BASE_MS: '50',
    // Once a day is never; specs that need it run the command.
    STRIPE_RECONCILE_INTERVAL_MS: '86400000',
    ...settings,
  };
  const database = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  const running = await AppProcess.start(env);
  const app: TestApp = {
    api: new Api(running.url),
    process: running,
    env,
    database,
    redis,
    gemini,
    stripe,
    async restart(changes = {}) {
      app.process = await AppProcess.start({ ...env, ...changes });
    },
    async stop() {
      await app.process.kill();
      await Promise.all([database.end(), redis.stop(), gemini.close(), stripe.close()]);
    },
  };
  return app;
}

/** Where the application finds it: in a run with more than one Postgres by way of the others. */
function databaseSettings(url: string): Record<string, string> {
  const { pathname } = new URL(url);
  const at = (server: string): string => Object.assign(new URL(server), { pathname }).href;
  const { TEST_BOUNCER_URL, TEST_REPLICA_URL } = process.env;
  return {
    DATABASE_URL: TEST_BOUNCER_URL === undefined ? url : at(TEST_BOUNCER_URL),
    ...(TEST_REPLICA_URL === undefined ? {} : { DATABASE_REPLICA_URL: at(TEST_REPLICA_URL) }),
  };
}

/** A database of its own, copied from the migrated one. */
async function createDatabase(): Promise<string> {
  const url = new URL(process.env.TEST_DATABASE_URL ?? '');
  const name = `spec_${randomBytes(6).toString('hex')}`;
  url.pathname = '/postgres';
  const admin = new pg.Client({ connectionString: url.href });
  await admin.connect();
  try {
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE_DATABASE}`);
  } finally {
    await admin.end();
  }
  url.pathname = `/${name}`;
  return url.href;
}
