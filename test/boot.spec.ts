import { expect, it } from '@jest/globals';
import { AppProcess } from './support/app-process.js';

const GOOD: Record<string, string> = {
  NODE_ENV: 'production',
  PORT: '0',
  DATABASE_URL: 'postgres://chat:pg-password-9f3a@127.0.0.1:1/chat',
  REDIS_URL: 'redis://:redis-password-7c21@127.0.0.1:1',
  JWT_SECRET: 'Zk3v9QmT1xR7bL5nW8cY2hD6fJ4gS0pA',
  OTP_DELIVERY: 'log',
  OTP_DELIVERY_INSECURE_CONFIRMED: 'true',
  GEMINI_API_KEY: 'gemini-key-51b8',
  STRIPE_SECRET_KEY: 'sk_live_key-40d2',
  STRIPE_PRO_PRICE_ID: 'price_pro-e613',
  STRIPE_WEBHOOK_SECRET: 'whsec_secret-a874',
};

/** Every word of a setting that nobody must find in a log. */
const SECRETS = [
  'pg-password-9f3a',
  'redis-password-7c21',
  'gemini-key-51b8',
  'key-40d2',
  'secret-a874',
  GOOD.JWT_SECRET,
];

async function boot(env: Record<string, string>): Promise<{ code: number | null; log: string }> {
  const app = AppProcess.spawn(env);
  const code = await app.exited;
  return { code, log: JSON.stringify(app.logs) };
}

it('with no settings at all names every one that is missing, and ends with 1', async () => {
  const { code, log } = await boot({});
  expect(code).toBe(1);
  const missing = ['DATABASE_URL', 'REDIS_URL', 'JWT_SECRET', 'GEMINI_API_KEY', 'STRIPE_SECRET_KEY'];
  for (const name of [...missing, 'STRIPE_PRO_PRICE_ID', 'STRIPE_WEBHOOK_SECRET']) {
    expect(log).toContain(`${name} is not set`);
  }
  expect(log).not.toContain('at ');
});

it.each<[string, Record<string, string>, string[]]>([
  [
    'placeholders',
    { GEMINI_API_KEY: 'your-gemini-key', JWT_SECRET: 'change-me-to-32-characters-or-more' },
    ['GEMINI_API_KEY', 'JWT_SECRET'],
  ],
  [
    'one-time codes in the answer',
    { OTP_DELIVERY: 'response', OTP_DELIVERY_INSECURE_CONFIRMED: '' },
    ['OTP_DELIVERY'],
  ],
  ['values out of range', { PORT: '123456789', OTP_TTL_SECONDS: 'soonish' }, ['PORT', 'OTP_TTL_SECONDS']],
  [
    'a check of webhooks that is switched off',
    { STRIPE_WEBHOOK_TOLERANCE_SECONDS: '0' },
    ['STRIPE_WEBHOOK_TOLERANCE_SECONDS'],
  ],
  [
    'an unencrypted way to others',
    { GEMINI_BASE_URL: 'http://gemini.example', STRIPE_API_BASE: 'http://stripe.example' },
    ['GEMINI_BASE_URL', 'STRIPE_API_BASE'],
  ],
  ['a proxy that is no address', { TRUSTED_PROXIES: 'my-load-balancer' }, ['TRUSTED_PROXIES']],
  ['a database that is no URL', { DATABASE_URL: 'host=db password=pg-password-9f3a' }, ['DATABASE_URL']],
])('with %s names the settings and never a value, and ends with 1', async (_what, wrong, names) => {
  const { code, log } = await boot({ ...GOOD, ...wrong });
  expect(code).toBe(1);
  for (const name of names) expect(log).toContain(name);
  for (const value of [...SECRETS, ...Object.values(wrong).filter((it) => it.length > 8)]) {
    expect(log).not.toContain(value);
  }
});

it('without its database says so and ends with 1, and keeps the password to itself', async () => {
  const { code, log } = await boot(GOOD);
  expect(code).toBe(1);
  expect(log).toContain('ECONNREFUSED');
  for (const secret of SECRETS) expect(log).not.toContain(secret);
});
