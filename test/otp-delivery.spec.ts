import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { findFreePort } from '../local/services/ports.js';
import type { SimulatedSms } from '../local/simulated-sms/simulated-sms.js';
import { aMobile } from './support/factories.js';
import { flood, range } from './support/flood.js';
import { allSettled, received, sentTo, startSms, theMessage, WEBHOOK_SECRET } from './support/messages.js';
import { theProblem } from './support/problem.js';
import { type OtpSent, verify } from './support/sign-in.js';
import { everythingStored } from './support/stored.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

let app: TestApp;
let sms: SimulatedSms;
let redis: Redis;
let webhook: Record<string, string>;
beforeAll(async () => {
  sms = await startSms();
  webhook = sentTo(sms);
  app = await startTestApp(webhook);
  redis = openRedis(app.redis.url);
});
afterAll(async () => {
  redis.disconnect();
  await Promise.all([app.stop(), sms.close()]);
});
beforeEach(() => {
  sms.misbehave(null);
});

const restartWith = async (changes: Record<string, string>): Promise<void> => {
  await app.process.kill();
  await redis.flushall();
  await app.restart(changes);
};

const send = (mobile: string, by = 'send-otp') => app.api.post<OtpSent>(`/v1/auth/${by}`, { mobile });

describe('a code by webhook', () => {
  it('reaches the phone, signed, and signs in; the answer does not tell it', async () => {
    const mobile = aMobile();
    const { status, body } = await send(mobile);
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(['expiresAt', 'resendAt']);
    const { code, text, purpose, expiresAt } = await theMessage(sms, mobile);
    expect({ purpose, expiresAt }).toEqual({ purpose: 'sign-in', expiresAt: body.expiresAt });
    expect(text).toBe(
      `${code} is your Chat code to sign in. It is good for 5 minutes. Never tell it to anybody.`,
    );
    expect((await verify(app, mobile, code)).status).toBe(200);
    theProblem(await verify(app, mobile, code), 400, 'OTP_INVALID');
  });

  it('is sent for each purpose in its words, and each is good for its own', async () => {
    const mobile = aMobile();
    await send(mobile, 'forgot-password');
    const { code, purpose, text } = await theMessage(sms, mobile);
    expect(purpose).toBe('reset-password');
    expect(text).toContain('to set a new password');
    theProblem(await verify(app, mobile, code), 400, 'OTP_INVALID');
  });

  it('is tried again when the gateway fails, and rings once', async () => {
    sms.misbehave('fail once');
    const mobile = aMobile();
    await send(mobile);
    const { code } = await theMessage(sms, mobile);
    await allSettled(redis);
    expect(received(sms, mobile)).toHaveLength(1);
    expect((await verify(app, mobile, code)).status).toBe(200);
  });

  it('that could not be sent takes nothing from the person: no pause, no count, at the number or elsewhere', async () => {
    await restartWith({ ...webhook, OTP_RESEND_SECONDS: '60', OTP_SENDS_PER_NUMBER: '2/1d' });
    sms.misbehave('fail');
    const mobile = aMobile();
    const posts = sms.posts;
    for (let turn = 0; turn < 4; turn += 1) {
      await until('another may be sent', async () => (await send(mobile)).status === 200);
    }
    await until('all have failed', () => sms.posts === posts + 20);
    await until('everything is given back', async () => (await redis.keys('otp-sends*')).length === 0);
    expect(await redis.keys('otp-pause*')).toEqual([]);
    sms.misbehave(null);
    expect((await send(mobile)).status).toBe(200);
    await theMessage(sms, mobile);
    theProblem(await send(mobile), 429, 'OTP_RESEND_TOO_SOON');
    const line = app.process.logs.find(({ msg }) =>
      String(msg).startsWith('A code could not be sent; it does not'),
    );
    expect(line).toMatchObject({ level: 'error', err: { message: 'The gateway answered 503' } });
  });

  it('that may have been sent, or not, keeps counting for what others share, and takes nothing from the person', async () => {
    await restartWith({ ...webhook, OTP_RESEND_SECONDS: '60', OTP_SENDS_PER_NUMBER: '2/1d' });
    sms.misbehave('hang');
    const [mobile, posts] = [aMobile(), sms.posts];
    await send(mobile);
    await until('it is tried', () => sms.posts === posts + 1);
    // Those after the first one say no: that takes back nothing of the first.
    sms.misbehave('fail');
    await until('its pause is over', async () => (await redis.exists(`otp-pause:{${mobile}}`)) === 0);
    expect(await redis.exists(`otp-sends:{${mobile}}`)).toBe(0);
    const shared = (await redis.keys('otp-sends*')).sort().map((key) => key.replace(/:.*/, ''));
    expect(shared).toEqual([
      'otp-sends-from',
      'otp-sends-to-dial-code',
      'otp-sends-to-prefix',
      'otp-sends-total',
    ]);
    expect(await redis.zcard('otp-sends-total')).toBe(1);
  });

  it('that reached no gateway is given back to all', async () => {
    const port = await findFreePort();
    await restartWith({
      ...webhook,
      OTP_RESEND_SECONDS: '60',
      OTP_WEBHOOK_URL: `http://127.0.0.1:${port}/the-secret-path`,
    });
    await send(aMobile());
    await until('it has failed', () =>
      app.process.logs.some(({ msg }) => String(msg).startsWith('A code could not be sent; it does not')),
    );
    await until('everything is given back', async () => (await redis.keys('otp-sends*')).length === 0);
    const log = JSON.stringify(app.process.logs);
    expect(log).toContain('The gateway could not be asked: ECONNREFUSED');
    expect(log).not.toContain('the-secret-path');
  });

  it('to a number that can get none is not tried again; its pause ends, and the caps keep counting', async () => {
    await restartWith({ ...webhook, OTP_RESEND_SECONDS: '60', OTP_SENDS_PER_PREFIX: '3/1h' });
    sms.misbehave('refuse');
    const mobile = aMobile();
    const posts = sms.posts;
    for (let turn = 0; turn < 3; turn += 1) {
      await until('another may be sent', async () => (await send(mobile)).status === 200);
      await until('it is refused', () => sms.posts === posts + turn + 1);
    }
    const last = await until('the cap of its range is reached', async () => {
      const answer = await send(mobile);
      return (answer.body as unknown as { code?: string }).code !== 'OTP_RESEND_TOO_SOON' && answer;
    });
    theProblem(last, 429, 'OTP_SEND_LIMIT_REACHED');
    expect(sms.posts).toBe(posts + 3);
  });

  it('that was replaced before it could be sent is not sent', async () => {
    await restartWith({ ...webhook, PROCESS_ROLE: 'api' });
    const mobile = aMobile();
    for (let turn = 0; turn < 5; turn += 1) expect((await send(mobile)).status).toBe(200);
    const stored = await everythingStored(app);
    await restartKeeping(webhook);
    const { code } = await theMessage(sms, mobile);
    await allSettled(redis);
    expect(received(sms, mobile)).toHaveLength(1);
    expect(new Set(stored.split(/[^\w+-]+/)).has(code)).toBe(false);
    expect(await redis.zcard(`otp-sends:{${mobile}}`)).toBe(1);
    expect((await verify(app, mobile, code)).status).toBe(200);
  });

  it('is never in Redis, Postgres or the log, while it waits and after', async () => {
    await restartWith(webhook);
    sms.misbehave('fail once');
    const mobiles = range(20).map(() => aMobile());
    await flood(mobiles, (mobile) => send(mobile));
    const during = await everythingStored(app);
    const codes = await Promise.all(mobiles.map(async (mobile) => (await theMessage(sms, mobile)).code));
    const everything = [during, await everythingStored(app), JSON.stringify(app.process.logs)].join('\n');
    const words = new Set(everything.split(/[^\w+-]+/));
    expect(codes.filter((code) => words.has(code))).toEqual([]);
    expect(everything).not.toContain(WEBHOOK_SECRET);
  });

  it('keeps nobody waiting for a gateway that hangs', async () => {
    await restartWith({ ...webhook, OTP_DELIVERY_TIMEOUT_MS: '2000' });
    await send(aMobile());
    sms.misbehave('hang');
    const times = await flood(
      range(50),
      async () => {
        const start = performance.now();
        const { status } = await send(aMobile());
        return { status, ms: performance.now() - start };
      },
      5,
    );
    const slowest = Math.max(...times.map(({ ms }) => ms));
    process.stdout.write(
      `TIMING send-otp with a gateway that hangs: slowest of 50 ${slowest.toFixed(0)} ms\n`,
    );
    expect(times.every(({ status }) => status === 200)).toBe(true);
    expect(slowest).toBeLessThan(1500);
  });

  const restartKeeping = async (changes: Record<string, string>): Promise<void> => {
    await app.process.kill();
    await app.restart(changes);
  };
});
