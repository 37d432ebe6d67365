import { describe, expect, it } from '@jest/globals';
import { MINIMAL, problemsOf, PRODUCTION, REQUIRED } from '../../test/support/settings.js';
import { loadEnv } from './load-env.js';

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
