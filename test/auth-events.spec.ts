import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type AuthEvent,
  eventPage,
  eventsOf,
  kindsOf,
  PASSWORD,
  untilNoted,
  withPassword,
} from './support/auth-events.js';
import { aMobile, aUser } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { login, refresh, type Session, sidOf, theCode, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ TRUSTED_PROXIES: '127.0.0.1' });
});
afterAll(() => app.stop());

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
    const events = await eventsOf(app, body.accessToken);
    expect(events).toEqual([
      { ...common, kind: 'signed_up', method: null, sessionId: null },
      { ...common, kind: 'signed_in', method: 'code', sessionId: sidOf(body.accessToken) },
    ]);
    for (const { createdAt } of events) {
      expect(Math.abs(Date.parse(createdAt) - from)).toBeLessThan(10_000);
    }
    // Somebody who is known already signs in, and no more.
    const again = await verify(app, mobile, await theCode(app, mobile));
    expect(await kindsOf(app, again.body.accessToken)).toEqual(['signed_up', 'signed_in', 'signed_in']);
  });

  it('has each sign-in and each way out', async () => {
    const user = await withPassword(app);
    const one = (await login(app, user.mobile, PASSWORD)).body.accessToken;
    await app.api.post('/v1/auth/logout', undefined, { token: one });
    const two = (await login(app, user.mobile, PASSWORD)).body.accessToken;
    await app.api.delete(`/v1/auth/sessions/${sidOf(two)}`, { token: user.token });
    await app.api.post('/v1/auth/logout-all?keepCurrent=true', undefined, { token: user.token });
    const events = await eventsOf(app, user.token);
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

  it('has a refresh token that came back, and no refresh', async () => {
    const user = await withPassword(app);
    const stolen = user.session.refreshToken;
    const next = (await refresh(app, stolen)).body;
    await refresh(app, next.refreshToken);
    theProblem(await refresh(app, stolen), 401, 'REFRESH_TOKEN_REUSED');
    theProblem(await refresh(app, stolen), 401, 'REFRESH_TOKEN_INVALID');
    const { body } = await login(app, user.mobile, PASSWORD);
    const events = await eventsOf(app, body.accessToken);
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
    const [user, other] = [await withPassword(app), await aUser(app)];
    for (let n = 0; n < 4; n += 1) await login(app, user.mobile, PASSWORD);
    const all = (await eventsOf(app, user.token)).reverse();
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );
    const found: AuthEvent[] = [];
    let query = '?limit=3';
    for (;;) {
      const { body } = await eventPage(app, user.token, query);
      found.push(...body.data);
      if (body.nextCursor === null) break;
      theProblem(await eventPage(app, other.token, `?cursor=${body.nextCursor}`), 400, 'INVALID_CURSOR');
      query = `?limit=3&cursor=${body.nextCursor}`;
    }
    expect(found).toEqual(all);
    expect(await kindsOf(app, other.token)).toEqual(['signed_up', 'signed_in']);
    theProblem(await app.api.get('/v1/auth/events'), 401, 'UNAUTHENTICATED');
  });
});

it('no event holds a password, a token or a number', async () => {
  const user = await withPassword(app);
  await login(app, user.mobile, 'a wrong passphrase');
  await untilNoted(app, user.token, 'sign_in_failed');
  const { rows } = await app.database.query<{ row: string }>(`SELECT e::text AS row FROM auth_events e`);
  const text = rows.map(({ row }) => row).join('\n');
  const secrets = [PASSWORD, 'a wrong passphrase', user.token, user.session.refreshToken, user.mobile];
  for (const secret of secrets) expect(text).not.toContain(secret);
});

it('events are deleted when they are past their time, and not before', async () => {
  const [old, recent] = [await aUser(app), await aUser(app)];
  await app.database.query(
    `UPDATE auth_events SET created_at = now() - (CASE user_id WHEN $1 THEN 181 ELSE 179 END) * interval '1 day'
      WHERE user_id IN ($1, $2)`,
    [old.id, recent.id],
  );
  await until('the old ones are gone', async () => (await eventsOf(app, old.token)).length === 0);
  expect(await kindsOf(app, recent.token)).toEqual(['signed_up', 'signed_in']);
});
