import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { SimulatedSms } from '../local/simulated-sms/simulated-sms.js';
import { aMobile } from './support/factories.js';
import { flood, range, tally } from './support/flood.js';
import { allSettled, sentTo, startSms, theMessage } from './support/messages.js';
import { theProblem } from './support/problem.js';
import { type OtpSent, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { openRedis } from './support/whole-redis.js';

let app: TestApp;
let sms: SimulatedSms;
let redis: Redis;
beforeAll(async () => {
  sms = await startSms();
  app = await startTestApp(sentTo(sms));
  redis = openRedis(app.redis.url);
});
afterAll(async () => {
  redis.disconnect();
  await Promise.all([app.stop(), sms.close()]);
});

const restartWith = async (changes: Record<string, string>): Promise<void> => {
  await app.process.kill();
  await redis.flushall();
  await app.restart(changes);
};

const send = (mobile: string) => app.api.post<OtpSent>('/v1/auth/send-otp', { mobile });

describe('a test number', () => {
  const TEST = '+15555550100';
  const day = (offset: number): string =>
    new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  const settings = (until: string): Record<string, string> => ({
    ...sentTo(sms),
    OTP_TEST_NUMBERS: `${TEST}=424242,+15555550101=171717`,
    OTP_TEST_NUMBERS_UNTIL: until,
    OTP_RESEND_SECONDS: '60',
    OTP_SENDS_PER_NUMBER: '1/1d',
    OTP_COUNTRIES: 'DE',
  });

  it('signs in with its fixed code, as often as need be, and nothing is sent to it', async () => {
    await restartWith(settings(day(0)));
    const posts = sms.posts;
    for (let turn = 0; turn < 3; turn += 1) {
      expect((await send(TEST)).status).toBe(200);
      expect((await verify(app, TEST, '424242')).status).toBe(200);
    }
    theProblem(await verify(app, TEST, '424242'), 400, 'OTP_INVALID');
    // Anybody else's code is not fixed.
    theProblem(await send(aMobile()), 403, 'COUNTRY_NOT_ALLOWED');
    await allSettled(redis);
    expect(sms.posts).toBe(posts);
  });

  it('has its guesses counted as every other', async () => {
    await send(TEST);
    const answers = await flood(range(20), () => verify(app, TEST, '424243'));
    expect(tally(answers)).toEqual({ OTP_INVALID: 5, OTP_EXHAUSTED: 15 });
    theProblem(await verify(app, TEST, '424242'), 400, 'OTP_EXHAUSTED');
  });

  it('is a number like every other after its last day', async () => {
    await restartWith({ ...settings(day(-1)), OTP_COUNTRIES: '' });
    expect((await send(TEST)).status).toBe(200);
    const { code } = await theMessage(sms, TEST);
    if (code !== '424242') theProblem(await verify(app, TEST, '424242'), 400, 'OTP_INVALID');
    expect((await verify(app, TEST, code)).status).toBe(200);
  });

  it('is told of in production, at boot', async () => {
    await restartWith({
      ...settings(day(1)),
      NODE_ENV: 'production',
      OTP_DELIVERY: 'webhook',
      OTP_DELIVERY_INSECURE_CONFIRMED: 'true',
      GEMINI_BASE_URL: 'https://gemini.example',
      STRIPE_API_BASE: 'https://stripe.example',
    });
    const line = app.process.logs.find(({ msg }) => String(msg).startsWith('OTP_TEST_NUMBERS lets 2'));
    expect(line).toMatchObject({ level: 'warn' });
    expect(JSON.stringify(app.process.logs)).not.toContain('424242');
  });
});
