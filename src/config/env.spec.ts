import { describe, expect, it } from '@jest/globals';
import { MINIMAL, problemsOf, REQUIRED } from '../../test/support/settings.js';
import { Env, SETTING_NAMES } from './env.js';
import { loadEnv } from './load-env.js';

describe('the settings', () => {
  it('have a default wherever one makes sense', () => {
    const env = loadEnv(MINIMAL);
    expect(env).toBeInstanceOf(Env);
    expect(env).toMatchObject({
      ...MINIMAL,
      REDIS_URL: [MINIMAL.REDIS_URL],
      JWT_SECRET: [MINIMAL.JWT_SECRET],
      STRIPE_WEBHOOK_SECRET: ['whsec_secret'],
      STRIPE_WEBHOOK_TOLERANCE_SECONDS: 300,
      NODE_ENV: 'development',
      PROCESS_ROLE: 'all',
      PORT: 5000,
      TRUSTED_PROXIES: [],
      JWT_TTL_SECONDS: 900,
      SESSION_TTL_SECONDS: 30 * 86_400,
      SESSION_IDLE_SECONDS: 14 * 86_400,
      REFRESH_GRACE_SECONDS: 10,
      SESSIONS_PER_USER_MAX: 50,
      AUTH_EVENT_RETENTION_DAYS: 180,
      OTP_DELIVERY: 'response',
      OTP_TTL_SECONDS: 300,
      OTP_MAX_GUESSES: 5,
      OTP_RESEND_SECONDS: 60,
      OTP_SENDS_PER_NUMBER: [
        { limit: 5, windowMs: 600_000 },
        { limit: 10, windowMs: 86_400_000 },
      ],
      OTP_COUNTRIES: [],
      BASIC_DAILY_PROMPTS: 5,
      GEMINI_MODEL: 'gemini-3.8-flash',
      DOCS_ENABLED: true,
    });
  });

  it('are numbers, flags and lists, not text', () => {
    const env = loadEnv({
      ...MINIMAL,
      PORT: '8080',
      DOCS_ENABLED: 'false',
      GEMINI_MODELS: 'gemini-3.8-flash, gemini-3.5-flash-lite',
      TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8,::1,fd00::/8',
    });
    expect(env).toMatchObject({
      PORT: 8080,
      DOCS_ENABLED: false,
      GEMINI_MODELS: ['gemini-3.8-flash', 'gemini-3.5-flash-lite'],
      TRUSTED_PROXIES: ['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8'],
    });
  });

  it.each(['', ' ', '\t'])('count as not set when they are blank: %j', (blank) => {
    expect(loadEnv({ ...MINIMAL, PORT: blank, DOCS_ENABLED: blank, TRUSTED_PROXIES: blank })).toEqual(
      loadEnv(MINIMAL),
    );
    expect(problemsOf({ ...MINIMAL, JWT_SECRET: blank })).toEqual(['JWT_SECRET is not set']);
  });

  it('leave the rest of the environment alone', () => {
    expect(Object.keys(loadEnv({ ...MINIMAL, PATH: '/bin', HOME: '/root' })).sort()).toEqual(
      [...SETTING_NAMES].sort(),
    );
  });

  it('accept the addresses that people really have', () => {
    expect(
      problemsOf({
        ...MINIMAL,
        DATABASE_URL: 'postgresql://user:p%40ss%2Fword@my_db:5432/chat?sslmode=require',
        REDIS_URL: 'rediss://:secret@redis.internal:6380/0',
        FRONTEND_URL: 'http://localhost:3000',
        GEMINI_BASE_URL: 'http://127.0.0.1:9999',
      }),
    ).toEqual([]);
  });
});

describe('a setting that is missing or wrong', () => {
  it.each(REQUIRED)('%s is named when it is missing', (name) => {
    expect(problemsOf({ ...MINIMAL, [name]: undefined })).toEqual([`${name} is not set`]);
  });

  it('is named together with all others', () => {
    expect(problemsOf({})).toEqual(REQUIRED.map((name) => `${name} is not set`));
  });

  it.each([
    ['NODE_ENV', 'prod-value'],
    ['PROCESS_ROLE', 'web-value'],
    ['LOG_LEVEL', 'loud-value'],
    ['PORT', 'port-value'],
    ['PORT', '65536'],
    ['PORT', '-1234'],
    ['PORT', '80.5125'],
    ['TRUSTED_PROXIES', 'proxy-value'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '10.0.0.0/8/8'],
    ['TRUSTED_PROXIES', '0.0.0.0/0'],
    ['TRUSTED_PROXIES', '127.0.0.1,,::1'],
    ['FRONTEND_URL', 'frontend-value'],
    ['FRONTEND_URL', 'ftp://frontend-value'],
    ['DATABASE_URL', 'mysql://db-value/chat'],
    ['DATABASE_URL', 'host=db-value'],
    ['REDIS_URL', 'http://redis-value'],
    ['REDIS_URL', 'redis://one-value,redis://other-value'],
    ['REDIS_CLUSTER', 'yes-value'],
    ['JWT_SECRET', 'short-value'],
    ['JWT_TTL_SECONDS', '99999999'],
    ['OTP_DELIVERY', 'pigeon-value'],
    ['OTP_DELIVERY_INSECURE_CONFIRMED', 'yes-value'],
    ['OTP_TTL_SECONDS', '300s-value'],
    ['OTP_SENDS_PER_NUMBER', 'five-value'],
    ['OTP_SENDS_PER_NUMBER', '6/20m,20'],
    ['OTP_SENDS_PER_NUMBER', '0/10m'],
    ['OTP_SENDS_TOTAL', '5/31d-value'],
    ['OTP_COUNTRIES', 'US,Germany-value'],
    ['OTP_COUNTRIES', 'us,de'],
    ['OTP_APP_NAME', 'evil.example/x'],
    ['TWILIO_API_BASE', 'twilio-value'],
    ['BASIC_DAILY_PROMPTS', 'Infinity'],
    ['ADMIN_USER', 'me:value'],
    ['ADMIN_PASSWORD', 'fifteen-letters'],
    ['PROMPT_CHARGE_RETENTION_DAYS', '1.0001'],
    ['GEMINI_MODELS', 'gemini value'],
    ['DOCS_ENABLED', 'TRUE-value'],
  ])('%s=%s is named, and its value is not', (name, value) => {
    const problems = problemsOf({ ...MINIMAL, [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(name);
    expect(problems[0]).not.toContain(value);
  });
});

describe('settings that belong together', () => {
  const WEBHOOK = {
    OTP_WEBHOOK_URL: 'https://sms.example',
    OTP_WEBHOOK_SECRET: 'aVeryLongSecretOfTheGateway012345',
  };
  const TWILIO = {
    TWILIO_ACCOUNT_SID: `AC${'0123456789abcdef'.repeat(2)}`,
    TWILIO_AUTH_TOKEN: '0123456789abcdef0123456789abcdef',
    TWILIO_FROM: '+15005550006',
  };
  const TEST_NUMBERS = { OTP_TEST_NUMBERS: '+15555550100=123456', OTP_TEST_NUMBERS_UNTIL: '2027-01-31' };

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['a webhook', { OTP_DELIVERY: 'webhook' }, WEBHOOK],
    [
      'a webhook beside the answer',
      { OTP_DELIVERY: 'response', OTP_WEBHOOK_URL: WEBHOOK.OTP_WEBHOOK_URL },
      { OTP_WEBHOOK_SECRET: WEBHOOK.OTP_WEBHOOK_SECRET },
    ],
    ['Twilio', { OTP_DELIVERY: 'twilio' }, TWILIO],
    ['test numbers', {}, TEST_NUMBERS],
  ])('%s needs all of them', (_what, chosen, settings) => {
    const all: Record<string, string | undefined> = { ...MINIMAL, ...chosen, ...settings };
    expect(problemsOf(all)).toEqual([]);
    for (const name of Object.keys(settings)) {
      expect(problemsOf({ ...all, [name]: undefined })).toEqual([`${name} is not set`]);
    }
  });

  it.each([
    [{ ...TEST_NUMBERS, OTP_TEST_NUMBERS: '15555550100=654321' }, 'OTP_TEST_NUMBERS'],
    [{ ...TEST_NUMBERS, OTP_TEST_NUMBERS: '+15555550100=65432' }, 'OTP_TEST_NUMBERS'],
    [{ ...TEST_NUMBERS, OTP_TEST_NUMBERS: '+15555550100=654321,' }, 'OTP_TEST_NUMBERS'],
    [{ ...TEST_NUMBERS, OTP_TEST_NUMBERS_UNTIL: '2027-02-31' }, 'OTP_TEST_NUMBERS_UNTIL'],
    [{ ...TEST_NUMBERS, OTP_TEST_NUMBERS_UNTIL: '31.01.2027' }, 'OTP_TEST_NUMBERS_UNTIL'],
    [{ ...WEBHOOK, OTP_WEBHOOK_SECRET: 'short-654321' }, 'OTP_WEBHOOK_SECRET'],
    [{ ...WEBHOOK, OTP_WEBHOOK_URL: 'https://me:654321@sms.example' }, 'OTP_WEBHOOK_URL'],
    [{ ...TWILIO, OTP_DELIVERY: 'twilio', TWILIO_ACCOUNT_SID: 'SK654321' }, 'TWILIO_ACCOUNT_SID'],
    [{ ...TWILIO, OTP_DELIVERY: 'twilio', TWILIO_FROM: 'a sender that is too long 654321' }, 'TWILIO_FROM'],
  ])('%j is refused by name', (settings, name) => {
    const problems = problemsOf({ ...MINIMAL, ...settings });
    expect(problems).toEqual([expect.stringContaining(name)]);
    expect(problems[0]).not.toMatch(/65432/);
  });
});
