import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { aMobile } from './support/factories.js';
import { allSettled } from './support/messages.js';
import { theProblem } from './support/problem.js';
import { notThe, type OtpSent, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { startTwilioStandIn, type TwilioStandIn } from './support/twilio-stand-in.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

const SID = `AC${'0123456789abcdef'.repeat(2)}`;
const TOKEN = 'twilio-auth-token-d41d8cd98f00b204';

let app: TestApp;
let twilio: TwilioStandIn;
let redis: Redis;
beforeAll(async () => {
  [app, twilio] = await Promise.all([startTestApp(), startTwilioStandIn()]);
  redis = openRedis(app.redis.url);
});
afterAll(async () => {
  redis.disconnect();
  await Promise.all([app.stop(), twilio.close()]);
});

const restartWith = async (changes: Record<string, string>): Promise<void> => {
  await app.process.kill();
  await redis.flushall();
  await app.restart(changes);
};

const send = (mobile: string) => app.api.post<OtpSent>('/v1/auth/send-otp', { mobile });

describe('a code by Twilio', () => {
  const settings = (from: string): Record<string, string> => ({
    OTP_DELIVERY: 'twilio',
    TWILIO_ACCOUNT_SID: SID,
    TWILIO_AUTH_TOKEN: TOKEN,
    TWILIO_FROM: from,
    TWILIO_API_BASE: twilio.url,
    OTP_APP_NAME: 'Parley & Co',
    OTP_DELIVERY_RETRY_BASE_MS: '20',
    OTP_SENDS_PER_NUMBER: '1/1d',
  });
  const theSent = (mobile: string, count = 1) =>
    until('Twilio is asked', () => twilio.sent.filter(({ fields }) => fields.To === mobile)[count - 1]);

  it('is sent with the account, the sender and the life of the code', async () => {
    await restartWith(settings('+15005550006'));
    const mobile = aMobile();
    expect((await send(mobile)).body).not.toHaveProperty('otp');
    const { path, authorization, fields } = await theSent(mobile);
    expect(path).toBe(`/2010-04-01/Accounts/${SID}/Messages.json`);
    expect(authorization).toBe(`Basic ${Buffer.from(`${SID}:${TOKEN}`).toString('base64')}`);
    expect(fields).toMatchObject({ To: mobile, From: '+15005550006' });
    expect(Number(fields.ValidityPeriod)).toBeGreaterThan(290);
    const [, code = ''] = /^(\d{6}) is your Parley & Co code to sign in/.exec(fields.Body ?? '') ?? [];
    theProblem(await verify(app, mobile, notThe(code)), 400, 'OTP_INVALID');
    expect((await verify(app, mobile, code)).status).toBe(200);
  });

  it('is tried again after an outage, not after a refusal, and neither tells a secret to the log', async () => {
    await restartWith(settings(`MG${'0123456789abcdef'.repeat(2)}`));
    const [slow, bad] = [aMobile(), aMobile()];
    twilio.refusals.push([503, 20503], [429, 20429]);
    await send(slow);
    const { fields } = await theSent(slow, 3);
    expect(fields).toMatchObject({ MessagingServiceSid: expect.stringMatching(/^MG/) });
    expect(fields).not.toHaveProperty('From');
    await allSettled(redis);

    twilio.refusals.push([400, 21211]);
    await send(bad);
    await theSent(bad);
    // At once again, though one a day is allowed: nothing was sent.
    await until('another may be sent', async () => (await send(bad)).status === 200);
    await theSent(bad, 2);
    theProblem(await send(slow), 429, 'OTP_SEND_LIMIT_REACHED');

    const log = JSON.stringify(app.process.logs);
    expect(log).toContain('Twilio answered 503, error 20503');
    expect(log).toContain('Twilio answered 400, error 21211');
    for (const secret of [
      TOKEN,
      Buffer.from(`${SID}:${TOKEN}`).toString('base64'),
      fields.Body ?? '-',
      bad,
    ]) {
      expect(log).not.toContain(secret);
    }
  });
});
