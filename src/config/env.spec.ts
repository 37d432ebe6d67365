import { describe, expect, it } from '@jest/globals';
import { Env, SETTING_NAMES } from './env.js';
import { InvalidEnvError, loadEnv } from './load-env.js';

const MINIMAL = {
  DATABASE_URL: 'postgres://chat:chat@127.0.0.1:5432/chat',
  REDIS_URL: 'redis://127.0.0.1:6379',
  JWT_SECRET: 'Zk3v9QmT1xR7bL5nW8cY2hD6fJ4gS0pA',
  GEMINI_API_KEY: 'gemini-key',
  STRIPE_SECRET_KEY: 'sk_key',
  STRIPE_PRO_PRICE_ID: 'price_pro',
  STRIPE_WEBHOOK_SECRET: 'whsec_secret',
};
const REQUIRED = Object.keys(MINIMAL) as (keyof typeof MINIMAL)[];
const PRODUCTION = {
  ...MINIMAL,
  NODE_ENV: 'production',
  OTP_DELIVERY: 'log',
  OTP_DELIVERY_INSECURE_CONFIRMED: 'true',
};

/** What is wrong with these settings; nothing when they are usable. */
function problemsOf(settings: Record<string, string | undefined>): string[] {
  try {
    loadEnv(settings);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidEnvError)) throw error;
    for (const problem of error.problems) expect(error.message).toContain(problem);
    return [...error.problems];
  }
}

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

describe('settings that must not be used', () => {
  const SECRETS = REQUIRED.filter((name) => !name.endsWith('_URL'));

  it.each(
    SECRETS.flatMap((name) =>
      ['changeme-changeme-and-change-it-once-more', 'your-own-secret-goes-here-in-this-place'].map(
        (value) => [name, value],
      ),
    ),
  )('%s=%s is refused as a placeholder', (name, value) => {
    expect(problemsOf({ ...MINIMAL, [name]: value })).toEqual([`${name} is still a placeholder`]);
  });

  it.each([
    '<paste the key here - all of it - please>',
    'xxxxxxxxxxxxxxxxabcdefghijklmnop1234567',
    'sk_live_... (see the Stripe dashboard)',
    'replace-this-with-the-real-one-12345',
  ])('is a placeholder: %s', (value) => {
    expect(problemsOf({ ...MINIMAL, JWT_SECRET: value })).toEqual(['JWT_SECRET is still a placeholder']);
  });

  it('every one of several JWT secrets must be good', () => {
    const secrets = (...list: string[]) => problemsOf({ ...MINIMAL, JWT_SECRET: list.join(', ') });
    const other = 'qW4nR8tY2uI6oP0aS5dF9gH3jK7lZ1xC';
    expect(secrets(MINIMAL.JWT_SECRET, other)).toEqual([]);
    expect(loadEnv({ ...MINIMAL, JWT_SECRET: `${MINIMAL.JWT_SECRET}, ${other}` }).JWT_SECRET).toEqual([
      MINIMAL.JWT_SECRET,
      other,
    ]);
    for (const bad of ['short', '', 'change-me-to-32-characters-or-more', '12345'.repeat(8)]) {
      for (const list of [
        [bad, other],
        [other, bad],
      ]) {
        const problems = secrets(...list);
        expect(problems).toEqual([expect.stringContaining('JWT_SECRET')]);
        if (bad) expect(problems[0]).not.toContain(bad);
      }
    }
  });

  it('a secret of few different characters is refused', () => {
    const [problem] = problemsOf({ ...MINIMAL, JWT_SECRET: '12345'.repeat(8) });
    expect(problem).toMatch(/^JWT_SECRET is too easy to guess/);
  });

  it.each([
    ['passwordpassword', /^ADMIN_PASSWORD is too easy to guess/],
    ['change-me-change-me', /^ADMIN_PASSWORD is still a placeholder/],
  ])('ADMIN_PASSWORD=%s is refused; none is good', (password, problem) => {
    expect(problemsOf({ ...MINIMAL, ADMIN_PASSWORD: password })).toEqual([expect.stringMatching(problem)]);
    for (const good of ['', 'e1c0b7d99a3f4d52'])
      expect(problemsOf({ ...PRODUCTION, ADMIN_PASSWORD: good })).toEqual([]);
  });

  it.each(SECRETS)('%s of the simulated services is refused in production alone', (name) => {
    const value = 'simulated-0123456789abcdefghijklmnop';
    expect(problemsOf({ ...MINIMAL, [name]: value })).toEqual([]);
    const problems = problemsOf({ ...PRODUCTION, [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(name);
    expect(problems[0]).not.toContain(value);
  });

  it('production wants to be told how codes are delivered, and that this is known to be insecure', () => {
    expect(problemsOf(PRODUCTION)).toEqual([]);
    expect(problemsOf({ ...PRODUCTION, OTP_DELIVERY: undefined })).toEqual(['OTP_DELIVERY is not set']);
    for (const delivery of ['log', 'response']) {
      const settings = { ...PRODUCTION, OTP_DELIVERY: delivery };
      for (const confirmed of [undefined, '', 'false']) {
        const problems = problemsOf({ ...settings, OTP_DELIVERY_INSECURE_CONFIRMED: confirmed });
        expect(problems).toEqual([expect.stringContaining('OTP_DELIVERY_INSECURE_CONFIRMED=true')]);
      }
      expect(problemsOf(settings)).toEqual([]);
    }
  });

  it('production takes a webhook that is signed and encrypted, and confirmation for one that is not', () => {
    const settings = {
      ...PRODUCTION,
      OTP_DELIVERY: 'webhook',
      OTP_DELIVERY_INSECURE_CONFIRMED: undefined,
      OTP_WEBHOOK_URL: 'https://sms.example/send',
      OTP_WEBHOOK_SECRET: 'aVeryLongSecretOfTheGateway012345',
    };
    expect(problemsOf(settings)).toEqual([]);
    const plain = { ...settings, OTP_WEBHOOK_URL: 'http://sms.example/send' };
    expect(problemsOf(plain)).toEqual([expect.stringContaining('OTP_DELIVERY_INSECURE_CONFIRMED=true')]);
    expect(problemsOf({ ...plain, OTP_DELIVERY_INSECURE_CONFIRMED: 'true' })).toEqual([]);
    const simulated = { ...settings, OTP_WEBHOOK_SECRET: `simulated_${settings.OTP_WEBHOOK_SECRET}` };
    expect(problemsOf(simulated)).toEqual([expect.stringContaining('OTP_WEBHOOK_SECRET belongs to')]);
  });
});

describe('production', () => {
  it.each(['TWILIO_API_BASE', 'GEMINI_BASE_URL', 'STRIPE_API_BASE'])('wants %s to be https', (name) => {
    const plain = { [name]: 'http://api.example/v1' };
    expect(problemsOf({ ...MINIMAL, ...plain })).toEqual([]);
    expect(problemsOf({ ...PRODUCTION, ...plain })).toEqual([`${name} must be https in production`]);
    expect(problemsOf({ ...PRODUCTION, [name]: 'https://api.example/v1' })).toEqual([]);
  });

  it('lets test numbers sign in for 90 days at most', () => {
    const until = (days: number) => ({
      OTP_TEST_NUMBERS: '+15555550100=123456',
      OTP_TEST_NUMBERS_UNTIL: new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10),
    });
    expect(problemsOf({ ...PRODUCTION, ...until(90) })).toEqual([]);
    expect(problemsOf({ ...MINIMAL, ...until(92) })).toEqual([]);
    expect(problemsOf({ ...PRODUCTION, ...until(92) })).toEqual([
      'OTP_TEST_NUMBERS_UNTIL must be at most 90 days away in production',
    ]);
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
