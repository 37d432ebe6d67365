import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aMobile, aUser } from './support/factories.js';
import { pathsOf, theProblem } from './support/problem.js';
import { login, me, type Session, theCode, verify } from './support/sign-in.js';
import { countRows, everythingStored } from './support/stored.js';
import { startTestApp, type TestApp } from './support/test-app.js';

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const PASSWORD = 'a passphrase of mine';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ TRUSTED_PROXIES: '127.0.0.1' });
});
afterAll(() => app.stop());

const signup = (mobile: string, password?: string | null, headers: Record<string, string> = {}) =>
  app.api.post('/v1/auth/signup', { mobile, ...(password === undefined ? {} : { password }) }, { headers });

/** An account with a password. */
async function aMember(password = PASSWORD): Promise<{ mobile: string; session: Session }> {
  const mobile = aMobile();
  await signup(mobile, password);
  const { body } = await verify(app, mobile, await theCode(app, mobile));
  return { mobile, session: body };
}

describe('signing up', () => {
  it('leads from a number to an account in three requests, each with its documented shape', async () => {
    const mobile = aMobile();
    const before = Date.now();

    const signedUp = await signup(mobile);
    expect(signedUp).toMatchObject({ status: 201 });
    expect(signedUp.body).toEqual({ mobile, expiresAt: expect.stringMatching(ISO_TIME) });

    const sent = await app.api.post<Record<string, string>>('/v1/auth/send-otp', { mobile });
    expect(sent.status).toBe(200);
    expect(sent.body).toEqual({
      expiresAt: expect.stringMatching(ISO_TIME),
      resendAt: expect.stringMatching(ISO_TIME),
      otp: expect.stringMatching(/^\d{6}$/),
    });
    const lifetime = Date.parse(sent.body.expiresAt ?? '') - before;
    expect(lifetime).toBeGreaterThan(299_000);
    expect(lifetime).toBeLessThan(310_000);

    const session = await verify(app, mobile, sent.body.otp ?? '');
    expect(session.status).toBe(200);
    expect(session.body).toEqual({
      accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      tokenType: 'Bearer',
      expiresIn: 900,
      refreshToken: expect.stringMatching(/^[\w-]{107}$/),
      refreshExpiresAt: expect.stringMatching(ISO_TIME),
      user: {
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        mobile,
        displayName: null,
        tier: 'basic',
        hasPassword: false,
        createdAt: expect.stringMatching(ISO_TIME),
        updatedAt: expect.stringMatching(ISO_TIME),
      },
    });
    expect((await me(app, session.body.accessToken)).body).toEqual(session.body.user);
  });

  it('needs no sign-up request: a verified number that is new is signed up', async () => {
    const mobile = aMobile();
    const { status, body } = await verify(app, mobile, await theCode(app, mobile));
    expect(status).toBe(200);
    expect(body.user).toMatchObject({ mobile, hasPassword: false });
  });

  it('makes no account before the number is verified', async () => {
    const before = await countRows(app);
    await signup(aMobile(), PASSWORD);
    await theCode(app, aMobile());
    expect(await countRows(app)).toEqual(before);
  });

  it('makes one account of a number, however often it is verified', async () => {
    const mobile = aMobile();
    const first = await verify(app, mobile, await theCode(app, mobile));
    const second = await verify(app, mobile, await theCode(app, mobile));
    expect(second.body.user).toEqual(first.body.user);
  });

  it('keeps the password that was chosen at sign-up', async () => {
    const { mobile, session } = await aMember();
    expect(session.user.hasPassword).toBe(true);
    const { status, body } = await login(app, mobile, PASSWORD);
    expect(status).toBe(200);
    expect(body).toEqual({
      accessToken: expect.any(String),
      tokenType: 'Bearer',
      expiresIn: 900,
      refreshToken: expect.any(String),
      refreshExpiresAt: expect.stringMatching(ISO_TIME),
      user: session.user,
    });
    expect((await me(app, body.accessToken)).status).toBe(200);
  });

  it('takes a password of null for none', async () => {
    const mobile = aMobile();
    expect((await signup(mobile, null)).status).toBe(201);
    const { body } = await verify(app, mobile, await theCode(app, mobile));
    expect(body.user.hasPassword).toBe(false);
  });

  it.each([
    ['address', { 'x-forwarded-for': '203.0.113.7' }],
    ['program', { 'user-agent': 'something else' }],
  ])('forgets a password that somebody else chose, from another %s', async (_what, headers) => {
    const mobile = aMobile();
    await signup(mobile, 'planted by a stranger', headers);
    const { body } = await verify(app, mobile, await theCode(app, mobile));
    expect(body.user.hasPassword).toBe(false);
    theProblem(await login(app, mobile, 'planted by a stranger'), 401, 'INVALID_CREDENTIALS');
  });

  it('changes nothing for a number that has an account, and answers as for one that has none', async () => {
    const { mobile } = await aMember();
    const known = await signup(mobile, 'another passphrase');
    const unknown = await signup(aMobile(), 'another passphrase');
    expect(Object.keys(known.body as object)).toEqual(Object.keys(unknown.body as object));
    expect(known.status).toBe(unknown.status);

    await verify(app, mobile, await theCode(app, mobile));
    expect((await login(app, mobile, PASSWORD)).status).toBe(200);
    theProblem(await login(app, mobile, 'another passphrase'), 401, 'INVALID_CREDENTIALS');
  });

  it.each([
    ['spaces', '+1 415 555 2671'],
    ['punctuation', '+1 (415) 555-2671'],
    ['dots', '+1.415.555.2671'],
    ['full-width digits', '＋１４１５５５５２６７１'],
    ['Arabic digits', '+١٤١٥٥٥٥٢٦٧١'],
    ['spaces around it', '  +14155552671 '],
    ['soft hyphens and no-break spaces', '+1\u00a0415\u00ad555\u20112671'],
  ])('reaches the same account with %s in the number', async (_what, mobile) => {
    const { status, body } = await verify(app, mobile, await theCode(app, '+14155552671'));
    expect(status).toBe(200);
    expect(body.user.mobile).toBe('+14155552671');
    const { rows } = await app.database.query(`SELECT id FROM users WHERE mobile LIKE '%5552671'`);
    expect(rows).toEqual([{ id: body.user.id }]);
  });

  it.each([
    ['too short', '+1415'],
    ['without a country code', '4155552671'],
    ['with letters', '+1415555CALL'],
    ['two numbers', '+14155552671 +14155552672'],
    ['with an extension', '+14155552671 ext. 5'],
    ['too long', `+1${'4'.repeat(100)}`],
    ['empty', ''],
    ['an array', ['+14155552671']],
    ['a number', 14155552671],
    ['an object', { number: '+14155552671' }],
    ['null', null],
  ])('refuses a mobile number that is none: %s', async (_what, mobile) => {
    for (const path of ['signup', 'send-otp', 'forgot-password']) {
      const problem = theProblem(
        await app.api.post(`/v1/auth/${path}`, { mobile }),
        400,
        'VALIDATION_FAILED',
      );
      expect(pathsOf(problem)).toEqual(['mobile']);
    }
  });

  it.each([
    ['7 characters', '1234567', 400],
    ['8 characters', '1234567x', 201],
    ['8 characters outside the basic plane', '😀'.repeat(8), 201],
    ['128 characters', 'x'.repeat(128), 201],
    ['129 characters', 'x'.repeat(129), 400],
    ['7 characters and a hundred invisible ones', `1234567${'\ufe0f'.repeat(100)}`, 201],
    ['128 characters and ten thousand invisible ones', 'x'.repeat(128) + '\ufe0f'.repeat(10_000), 400],
  ])('holds passwords to 8 to 128 characters: %s', async (_what, password, status) => {
    const answer = await signup(aMobile(), password);
    expect(answer.status).toBe(status);
    if (status === 400) expect(pathsOf(theProblem(answer, 400, 'VALIDATION_FAILED'))).toEqual(['password']);
  });
});

describe('login', () => {
  it('answers alike for a wrong password, an account without one and an unknown number', async () => {
    const { mobile } = await aMember();
    const withoutPassword = await aUser(app);
    const problems = await Promise.all(
      [mobile, withoutPassword.mobile, aMobile()].map(async (number) => {
        const { requestId, ...problem } = theProblem(
          await login(app, number, 'not the passphrase'),
          401,
          'INVALID_CREDENTIALS',
        );
        expect(requestId).toBeTruthy();
        return problem;
      }),
    );
    expect(problems[1]).toEqual(problems[0]);
    expect(problems[2]).toEqual(problems[0]);
  });

  it('matches a password however its characters were composed', async () => {
    const { mobile } = await aMember('Zoë’s passphrase'.normalize('NFD'));
    expect((await login(app, mobile, 'Zoë’s passphrase'.normalize('NFC'))).status).toBe(200);
  });
});

it('keeps no code, password or token in plain, neither in Postgres nor Redis nor the log', async () => {
  const mobile = aMobile();
  await signup(mobile, PASSWORD);
  const used = await theCode(app, mobile);
  const pending = await everythingStored(app);
  const { body: session } = await verify(app, mobile, used);
  const waiting = await theCode(app, mobile, 'forgot-password');
  await login(app, mobile, 'a wrong passphrase');
  await app.api.post(
    '/v1/auth/change-password',
    { currentPassword: PASSWORD, newPassword: 'my next passphrase' },
    { token: session.accessToken },
  );

  const everywhere = [pending, await everythingStored(app), JSON.stringify(app.process.logs)].join('\n');
  expect(everywhere).toContain(mobile);
  const words = new Set(everywhere.split(/[^\w+-]+/));
  for (const code of [used, waiting]) expect(words.has(code)).toBe(false);
  for (const secret of [
    PASSWORD,
    'a wrong passphrase',
    'my next passphrase',
    session.accessToken,
    session.refreshToken,
  ]) {
    expect(everywhere).not.toContain(secret);
  }
  expect(everywhere).not.toContain(session.accessToken.split('.')[2]);
});
