import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { eventsOf, kindsOf, PASSWORD, untilNoted, withPassword } from './support/auth-events.js';
import { aUser } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { login, notThe, type Session, sidOf, theCode, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

const NEW_PASSWORD = 'my next passphrase';

/** Of one person, that are noted. */
const FAILURES_AN_HOUR = 30;

let app: TestApp;
let redis: Redis;
beforeAll(async () => {
  app = await startTestApp({ TRUSTED_PROXIES: '127.0.0.1' });
  redis = openRedis(app.redis.url);
});
afterAll(async () => {
  redis.disconnect();
  await app.stop();
});

const reset = async (mobile: string, otp: string) =>
  app.api.post<Session>('/v1/auth/reset-password', { mobile, otp, newPassword: NEW_PASSWORD });

describe('what happened to a person’s way in', () => {
  it('has wrong passwords and codes, also those of a change and a reset', async () => {
    const user = await withPassword(app);
    await login(app, user.mobile, 'not the passphrase');
    expect(await untilNoted(app, user.token, 'sign_in_failed')).toMatchObject({
      outcome: 'failed',
      method: 'password',
      sessionId: null,
    });
    const code = await theCode(app, user.mobile);
    for (let n = 0; n < 6; n += 1) await verify(app, user.mobile, notThe(code));
    expect(await untilNoted(app, user.token, 'code_locked')).toMatchObject({
      outcome: 'failed',
      method: 'code',
    });
    await app.api.post(
      '/v1/auth/change-password',
      { currentPassword: 'not the passphrase', newPassword: NEW_PASSWORD },
      { token: user.token },
    );
    await until('the change is noted', async () =>
      (await eventsOf(app, user.token)).some((e) => e.kind === 'password_changed' && e.outcome === 'failed'),
    );
    await reset(user.mobile, notThe(await theCode(app, user.mobile, 'forgot-password')));
    await until('the reset is noted', async () =>
      (await eventsOf(app, user.token)).some((e) => e.kind === 'password_reset' && e.outcome === 'failed'),
    );
    const { body } = await reset(user.mobile, await theCode(app, user.mobile, 'forgot-password'));
    expect((await eventsOf(app, body.accessToken)).at(-1)).toMatchObject({
      kind: 'password_reset',
      outcome: 'succeeded',
      sessionId: sidOf(body.accessToken),
    });
  });

  it('has a failure where it was among the others, although it is noted later', async () => {
    const user = await withPassword(app);
    await login(app, user.mobile, 'not the passphrase');
    await login(app, user.mobile, PASSWORD);
    await untilNoted(app, user.token, 'sign_in_failed');
    const events = (await eventsOf(app, user.token)).slice(3);
    expect(events.map(({ kind }) => kind)).toEqual(['sign_in_failed', 'signed_in']);
    const [failed, signedIn] = events.map(({ createdAt }) => Date.parse(createdAt));
    expect(failed).toBeLessThanOrEqual(signedIn ?? 0);
  });

  it('has a failure right before the process stops', async () => {
    const users = await Promise.all(Array.from({ length: 5 }, () => aUser(app)));
    for (const { mobile } of users) await login(app, mobile, 'not the passphrase');
    expect(await app.process.stop()).toBe(0);
    await app.restart();
    for (const { token } of users) expect(await kindsOf(app, token)).toContain('sign_in_failed');
  });

  it('has the same failure from one address once a minute, however often it is tried', async () => {
    const user = await aUser(app);
    const wrong = (address: string) =>
      app.api.post(
        '/v1/auth/login',
        { mobile: user.mobile, password: 'wrong' },
        { headers: { 'x-forwarded-for': address } },
      );
    const failures = async () =>
      (await eventsOf(app, user.token)).filter(({ kind }) => kind === 'sign_in_failed');
    await wrong('203.0.113.1');
    await until('the first is noted', async () => (await failures()).length === 1);
    for (let n = 0; n < 5; n += 1) await wrong('203.0.113.1');
    await wrong('2001:db8:1:2::1');
    await until('the other address is noted', async () => (await failures()).length === 2);
    // Of the same network, and so of the same person, for all we know.
    await wrong('2001:db8:1:2::2');
    await wrong('203.0.113.2:5678');
    await until('the third address is noted', async () => (await failures()).length === 3);
    expect((await failures()).map(({ ip }) => ip)).toEqual(['203.0.113.1', '2001:db8:1:2::1', '203.0.113.2']);
    await redis.del(await redis.keys(`failures-alike:{${user.id}}:*203.0.113.1`));
    await wrong('203.0.113.1');
    await until('it is noted again', async () => (await failures()).length === 4);
  });

  it('has so many failures an hour, from however many addresses', async () => {
    const user = await aUser(app);
    const wrong = (n: number) =>
      app.api.post(
        '/v1/auth/verify-otp',
        { mobile: user.mobile, otp: '123456' },
        { headers: { 'x-forwarded-for': `198.51.100.${n}` } },
      );
    await Promise.all(Array.from({ length: 100 }, (_, n) => wrong(n)));
    const failures = async () =>
      (await eventsOf(app, user.token)).filter(({ outcome }) => outcome === 'failed');
    await until('they are noted', async () => (await failures()).length >= FAILURES_AN_HOUR);
    await redis.del(await redis.keys(`failures-alike:{${user.id}}:*`));
    for (let n = 0; n < 5; n += 1) await wrong(n);
    // What succeeds is noted as ever.
    const { body } = await verify(app, user.mobile, await theCode(app, user.mobile));
    expect((await eventsOf(app, body.accessToken)).at(-1)).toMatchObject({ kind: 'signed_in' });
    expect(await failures()).toHaveLength(FAILURES_AN_HOUR);
  });

  it('has no code that was not looked at: a limit on guesses is not what somebody did to the account', async () => {
    await app.process.kill();
    await app.restart({ OTP_GUESSES_PER_NUMBER: '2/1d' });
    const user = await aUser(app);
    const code = await theCode(app, user.mobile);
    for (let n = 0; n < 2; n += 1)
      theProblem(await verify(app, user.mobile, notThe(code)), 400, 'OTP_INVALID');
    theProblem(await verify(app, user.mobile, notThe(code)), 429, 'OTP_GUESS_LIMIT_REACHED');
    await untilNoted(app, user.token, 'sign_in_failed');
    await login(app, user.mobile, 'not the passphrase');
    await until('the password is noted, too', async () =>
      (await eventsOf(app, user.token)).some(
        ({ method, outcome }) => method === 'password' && outcome === 'failed',
      ),
    );
    expect(await kindsOf(app, user.token)).toEqual([
      'signed_up',
      'signed_in',
      'sign_in_failed',
      'sign_in_failed',
    ]);
    await app.process.kill();
    await app.restart();
  });
});

it('what cannot be recorded fails no request, and is in the log', async () => {
  const user = await withPassword(app);
  await app.database.query('ALTER TABLE auth_events RENAME TO auth_events_gone');
  try {
    theProblem(await login(app, user.mobile, 'wrong'), 401, 'INVALID_CREDENTIALS');
    await until('it is in the log', () =>
      app.process.logs.find(({ msg }) => msg === 'An event could not be recorded'),
    );
    // What succeeds and cannot be recorded did not happen.
    const sessions = async () =>
      (await app.database.query('SELECT FROM sessions WHERE user_id = $1', [user.id])).rowCount;
    const before = await sessions();
    theProblem(await login(app, user.mobile, PASSWORD), 500, 'INTERNAL_ERROR');
    expect(await sessions()).toBe(before);
  } finally {
    await app.database.query('ALTER TABLE auth_events_gone RENAME TO auth_events');
  }
});
