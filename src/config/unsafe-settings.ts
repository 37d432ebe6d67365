const SECRETS = [
  'JWT_SECRET',
  'GEMINI_API_KEY',
  'STRIPE_SECRET_KEY',
  'STRIPE_PRO_PRICE_ID',
  'STRIPE_WEBHOOK_SECRET',
  'TWILIO_AUTH_TOKEN',
  'OTP_WEBHOOK_SECRET',
  'ADMIN_PASSWORD',
] as const;

/** Where secrets and people's words go. OTP_WEBHOOK_URL has a rule of its own. */
const ENDPOINTS = ['TWILIO_API_BASE', 'GEMINI_BASE_URL', 'STRIPE_API_BASE'] as const;
const TEST_NUMBERS_DAYS_MAX = 90;
const DAY_MS = 86_400_000;

/** What is looked at; `Env` has it all. */
type CheckedSettings = Record<(typeof SECRETS)[number], string | readonly string[]> & {
  NODE_ENV: string;
  ADMIN_PASSWORD: string;
  OTP_DELIVERY: string;
  OTP_WEBHOOK_URL: string;
  OTP_DELIVERY_INSECURE_CONFIRMED: boolean;
  OTP_TEST_NUMBERS_UNTIL: string;
  REDIS_URL: readonly string[];
  REDIS_CLUSTER: boolean;
} & Record<(typeof ENDPOINTS)[number], string>;

const PLACEHOLDER =
  /change[-_ ]?(me|this|it)|placeholder|your[-_ ]|replace[-_ ]?(me|this)|<.*>|x{6,}|\.\.\./i;
const SIMULATED = /simulated/i;
const WEAK_SECRET_DISTINCT_CHARACTERS = 10;
/** More than `passwordpassword` has; of 16 random hexadecimal digits some ten are different. */
const WEAK_PASSWORD_DISTINCT_CHARACTERS = 8;

/**
 * Settings that are well-formed and still must not be used. Placeholders are refused everywhere, because a copied
 * example that half works wastes a person's time; the rest only where real users and money are.
 *
 * @returns sentences that name settings and never hold a value
 */
export function findUnsafeSettings(env: CheckedSettings): string[] {
  const problems = SECRETS.filter((name) => anyOf(env[name], (value) => PLACEHOLDER.test(value))).map(
    (name) => `${name} is still a placeholder`,
  );
  if (anyOf(env.JWT_SECRET, (secret) => new Set(secret).size < WEAK_SECRET_DISTINCT_CHARACTERS)) {
    problems.push('JWT_SECRET is too easy to guess; make one with: openssl rand -base64 48');
  }
  if (env.ADMIN_PASSWORD !== '' && new Set(env.ADMIN_PASSWORD).size < WEAK_PASSWORD_DISTINCT_CHARACTERS) {
    problems.push('ADMIN_PASSWORD is too easy to guess; make one with: openssl rand -base64 24');
  }
  if (env.REDIS_URL.length > 1 && !env.REDIS_CLUSTER) {
    problems.push(
      'REDIS_URL names several servers, which only nodes of a cluster may be: set REDIS_CLUSTER=true',
    );
  }
  return env.NODE_ENV === 'production' ? [...problems, ...findUnsafeInProduction(env)] : problems;
}

/** Every one of several secrets must be good: the last one still opens doors. */
const anyOf = (setting: string | readonly string[], test: (value: string) => boolean): boolean =>
  [setting].flat().some(test);

function findUnsafeInProduction(env: CheckedSettings): string[] {
  const problems = SECRETS.filter((name) => anyOf(env[name], (value) => SIMULATED.test(value))).map(
    (name) => `${name} belongs to the simulated services of \`npm run local\``,
  );
  for (const name of ENDPOINTS) {
    if (!/^https:/i.test(env[name])) problems.push(`${name} must be https in production`);
  }
  if (Date.parse(env.OTP_TEST_NUMBERS_UNTIL) > Date.now() + TEST_NUMBERS_DAYS_MAX * DAY_MS) {
    problems.push(`OTP_TEST_NUMBERS_UNTIL must be at most ${TEST_NUMBERS_DAYS_MAX} days away in production`);
  }
  if (showsCodes(env) && !env.OTP_DELIVERY_INSECURE_CONFIRMED) {
    problems.push(
      `OTP_DELIVERY shows one-time codes to others than the owner of the number; ` +
        `to use it in production all the same, set OTP_DELIVERY_INSECURE_CONFIRMED=true`,
    );
  }
  return problems;
}

/** To whoever asks, to whoever reads the log, or to whoever is on the line. */
function showsCodes({ OTP_DELIVERY, OTP_WEBHOOK_URL }: CheckedSettings): boolean {
  return (
    OTP_DELIVERY === 'response' ||
    OTP_DELIVERY === 'log' ||
    (OTP_DELIVERY === 'webhook' && !OTP_WEBHOOK_URL.startsWith('https:'))
  );
}
