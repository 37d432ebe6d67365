import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { aMobile, aUser, type SignedIn } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { login, notThe, refresh, type Session, theCode, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

interface AuthEvent {
  id: string;
  kind: string;
  outcome: 'succeeded' | 'failed';
  method: 'code' | 'password' | null;
  sessionId: string | null;
  ip: string;
  userAgent: string | null;
  createdAt: string;
}

const PASSWORD = 'a passphrase of mine';
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

const page = (token: string, query = '') =>
  app.api.get<{ data: AuthEvent[]; nextCursor: string | null }>(`/v1/auth/events${query}`, { token });

/** What happened to a person so far, oldest first. */
async function eventsOf(token: string): Promise<AuthEvent[]> {
  const { status, body } = await page(token, '?limit=100');
  expect(status).toBe(200);
  return body.data.reverse();
}

const kindsOf = async (token: string): Promise<string[]> => (await eventsOf(token)).map(({ kind }) => kind);

/** Failures are noted after the request that failed, so one may have to be waited for. */
const untilNoted = (token: string, kind: string): Promise<AuthEvent> =>
  until(`${kind} is noted`, async () => (await eventsOf(token)).find((event) => event.kind === kind));

const sidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sid: string }).sid;

const withPassword = async (): Promise<SignedIn & { session: Session }> => {
  const user = await aUser(app);
  const { body } = await app.api.post<Session>(
    '/v1/auth/change-password',
    { newPassword: PASSWORD },
    { token: user.token },
  );
  return { ...user, token: body.accessToken, session: body };
};

const reset = async (mobile: string, otp: string) =>
  app.api.post<Session>('/v1/auth/reset-password', { mobile, otp, newPassword: NEW_PASSWORD });

describe('what happened to a person’s way in', () => {
  it('begins with the sign-up, and says when, from where and with what', async () => {
    const mobile = aMobile();
    const otp = await theCode(app, mobile);
    const from = Date.now();
    const { body } = await app.api.post<Session>(
      '/v1/auth/verify-otp',
      { mobile, otp },
      { headers: { 'x-forwarded-for': '203.0.113.9', 'user-agent': 'a test/1.0' } },
    );
    const common = {
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      outcome: 'succeeded',
      ip: '203.0.113.9',
      userAgent: 'a test/1.0',
      createdAt: expect.stringMatching(/Z$/),
    };
    const events = await eventsOf(body.accessToken);
    expect(events).toEqual([
      { ...common, kind: 'signed_up', method: null, sessionId: null },
      { ...common, kind: 'signed_in', method: 'code', sessionId: sidOf(body.accessToken) },
    ]);
    for (const { createdAt } of events) {
      expect(Math.abs(Date.parse(createdAt) - from)).toBeLessThan(10_000);
    }
    // Somebody who is known already signs in, and no more.
    const again = await verify(app, mobile, await theCode(app, mobile));
    expect(await kindsOf(again.body.accessToken)).toEqual(['signed_up', 'signed_in', 'signed_in']);
  });

  it('has each sign-in and each way out', async () => {
    const user = await withPassword();
    const one = (await login(app, user.mobile, PASSWORD)).body.accessToken;
    await app.api.post('/v1/auth/logout', undefined, { token: one });
    const two = (await login(app, user.mobile, PASSWORD)).body.accessToken;
    await app.api.delete(`/v1/auth/sessions/${sidOf(two)}`, { token: user.token });
    await app.api.post('/v1/auth/logout-all?keepCurrent=true', undefined, { token: user.token });
    const events = await eventsOf(user.token);
    expect(
      events.slice(2).map(({ kind, method, sessionId, outcome }) => [kind, method, sessionId, outcome]),
    ).toEqual([
      ['password_changed', null, sidOf(user.token), 'succeeded'],
      ['signed_in', 'password', sidOf(one), 'succeeded'],
      ['logged_out', null, sidOf(one), 'succeeded'],
      ['signed_in', 'password', sidOf(two), 'succeeded'],
      ['session_ended', null, sidOf(two), 'succeeded'],
      ['logged_out_all', null, sidOf(user.token), 'succeeded'],
    ]);
  });

  it('has wrong passwords and codes, also those of a change and a reset', async () => {
    const user = await withPassword();
    await login(app, user.mobile, 'not the passphrase');
    expect(await untilNoted(user.token, 'sign_in_failed')).toMatchObject({
      outcome: 'failed',
      method: 'password',
      sessionId: null,
    });
    const code = await theCode(app, user.mobile);
    for (let n = 0; n < 6; n += 1) await verify(app, user.mobile, notThe(code));
    expect(await untilNoted(user.token, 'code_locked')).toMatchObject({ outcome: 'failed', method: 'code' });
    await app.api.post(
      '/v1/auth/change-password',
      { currentPassword: 'not the passphrase', newPassword: NEW_PASSWORD },
      { token: user.token },
    );
    await until('the change is noted', async () =>
      (await eventsOf(user.token)).some((e) => e.kind === 'password_changed' && e.outcome === 'failed'),
    );
    await reset(user.mobile, notThe(await theCode(app, user.mobile, 'forgot-password')));
    await until('the reset is noted', async () =>
      (await eventsOf(user.token)).some((e) => e.kind === 'password_reset' && e.outcome === 'failed'),
    );
    const { body } = await reset(user.mobile, await theCode(app, user.mobile, 'forgot-password'));
    expect((await eventsOf(body.accessToken)).at(-1)).toMatchObject({
      kind: 'password_reset',
      outcome: 'succeeded',
      sessionId: sidOf(body.accessToken),
    });
  });

  it('has a failure where it was among the others, although it is noted later', async () => {
    const user = await withPassword();
    await login(app, user.mobile, 'not the passphrase');
    await login(app, user.mobile, PASSWORD);
    await untilNoted(user.token, 'sign_in_failed');
    const events = (await eventsOf(user.token)).slice(3);
    expect(events.map(({ kind }) => kind)).toEqual(['sign_in_failed', 'signed_in']);
    const [failed, signedIn] = events.map(({ createdAt }) => Date.parse(createdAt));
    expect(failed).toBeLessThanOrEqual(signedIn ?? 0);
  });

  it('has a failure right before the process stops', async () => {
    const users = await Promise.all(Array.from({ length: 5 }, () => aUser(app)));
    for (const { mobile } of users) await login(app, mobile, 'not the passphrase');
    expect(await app.process.stop()).toBe(0);
    await app.restart();
    for (const { token } of users) expect(await kindsOf(token)).toContain('sign_in_failed');
  });

  it('has the same failure from one address once a minute, however often it is tried', async () => {
    const user = await aUser(app);
    const wrong = (address: string) =>
      app.api.post(
        '/v1/auth/login',
        { mobile: user.mobile, password: 'wrong' },
        { headers: { 'x-forwarded-for': address } },
      );
    const failures = async () => (await eventsOf(user.token)).filter(({ kind }) => kind === 'sign_in_failed');
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
    const failures = async () => (await eventsOf(user.token)).filter(({ outcome }) => outcome === 'failed');
    await until('they are noted', async () => (await failures()).length >= FAILURES_AN_HOUR);
    await redis.del(await redis.keys(`failures-alike:{${user.id}}:*`));
    for (let n = 0; n < 5; n += 1) await wrong(n);
    // What succeeds is noted as ever.
    const { body } = await verify(app, user.mobile, await theCode(app, user.mobile));
    expect((await eventsOf(body.accessToken)).at(-1)).toMatchObject({ kind: 'signed_in' });
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
    await untilNoted(user.token, 'sign_in_failed');
    await login(app, user.mobile, 'not the passphrase');
    await until('the password is noted, too', async () =>
      (await eventsOf(user.token)).some(
        ({ method, outcome }) => method === 'password' && outcome === 'failed',
      ),
    );
    expect(await kindsOf(user.token)).toEqual(['signed_up', 'signed_in', 'sign_in_failed', 'sign_in_failed']);
    await app.process.kill();
    await app.restart();
  });

  it('has a refresh token that came back, and no refresh', async () => {
    const user = await withPassword();
    const stolen = user.session.refreshToken;
    const next = (await refresh(app, stolen)).body;
    await refresh(app, next.refreshToken);
    theProblem(await refresh(app, stolen), 401, 'REFRESH_TOKEN_REUSED');
    theProblem(await refresh(app, stolen), 401, 'REFRESH_TOKEN_INVALID');
    const { body } = await login(app, user.mobile, PASSWORD);
    const events = await eventsOf(body.accessToken);
    expect(events.map(({ kind }) => kind)).toEqual([
      'signed_up',
      'signed_in',
      'password_changed',
      'refresh_token_reused',
      'signed_in',
    ]);
    expect(events[3]).toMatchObject({ outcome: 'failed', sessionId: sidOf(user.token) });
  });

  it('is nobody else’s, and comes in pages, newest first', async () => {
    const [user, other] = [await withPassword(), await aUser(app)];
    for (let n = 0; n < 4; n += 1) await login(app, user.mobile, PASSWORD);
    const all = (await eventsOf(user.token)).reverse();
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );
    const found: AuthEvent[] = [];
    let query = '?limit=3';
    for (;;) {
      const { body } = await page(user.token, query);
      found.push(...body.data);
      if (body.nextCursor === null) break;
      theProblem(await page(other.token, `?cursor=${body.nextCursor}`), 400, 'INVALID_CURSOR');
      query = `?limit=3&cursor=${body.nextCursor}`;
    }
    expect(found).toEqual(all);
    expect(await kindsOf(other.token)).toEqual(['signed_up', 'signed_in']);
    theProblem(await app.api.get('/v1/auth/events'), 401, 'UNAUTHENTICATED');
  });
});

it('no event holds a password, a token or a number', async () => {
  const user = await withPassword();
  await login(app, user.mobile, 'a wrong passphrase');
  await untilNoted(user.token, 'sign_in_failed');
  const { rows } = await app.database.query<{ row: string }>(`SELECT e::text AS row FROM auth_events e`);
  const text = rows.map(({ row }) => row).join('\n');
  const secrets = [PASSWORD, 'a wrong passphrase', user.token, user.session.refreshToken, user.mobile];
  for (const secret of secrets) expect(text).not.toContain(secret);
});

it('what cannot be recorded fails no request, and is in the log', async () => {
  const user = await withPassword();
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

it('events are deleted when they are past their time, and not before', async () => {
  const [old, recent] = [await aUser(app), await aUser(app)];
  await app.database.query(
    `UPDATE auth_events SET created_at = now() - (CASE user_id WHEN $1 THEN 181 ELSE 179 END) * interval '1 day'
      WHERE user_id IN ($1, $2)`,
    [old.id, recent.id],
  );
  await until('the old ones are gone', async () => (await eventsOf(old.token)).length === 0);
  expect(await kindsOf(recent.token)).toEqual(['signed_up', 'signed_in']);
});
