import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { changeCode, confirmChange, deletionCode, keysNaming } from './support/account.js';
import { eventsOf } from './support/auth-events.js';
import { aMobile, aUser, type SignedIn } from './support/factories.js';
import { pathsOf, theProblem } from './support/problem.js';
import { login, me, notThe, refresh, type Session, theCode, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

const PASSWORD = 'a passphrase of mine';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ PASSWORD_MAX_GUESSES: '3' });
});
afterAll(() => app.stop());

async function moved(user: SignedIn, mobile = aMobile()): Promise<string> {
  const { status, body } = await confirmChange(app, user, mobile, await changeCode(app, user, mobile));
  expect({ status, body }).toMatchObject({ status: 200, body: { id: user.id, mobile } });
  return mobile;
}

describe('a change of number', () => {
  it('signs in with the new number from then on, and the old one begins a new account', async () => {
    const user = await aUser(app);
    const mobile = await moved(user);
    expect((await me(app, user.token)).body).toMatchObject({ id: user.id, mobile });
    expect((await verify(app, mobile, await theCode(app, mobile))).body.user.id).toBe(user.id);
    const newcomer = await verify(app, user.mobile, await theCode(app, user.mobile));
    expect(newcomer.status).toBe(200);
    expect(newcomer.body.user.id).not.toBe(user.id);
  });

  it('keeps the password', async () => {
    const user = await aUser(app);
    const { body } = await app.api.post<Session>('/v1/auth/change-password', { newPassword: PASSWORD }, user);
    const mobile = await moved({ ...user, token: body.accessToken });
    expect((await login(app, mobile, PASSWORD)).body.user.id).toBe(user.id);
    theProblem(await login(app, user.mobile, PASSWORD), 401, 'INVALID_CREDENTIALS');
  });

  it('ends every other session at once, and this one goes on', async () => {
    const user = await aUser(app);
    const other = (await verify(app, user.mobile, await theCode(app, user.mobile))).body;
    const mine = (await verify(app, user.mobile, await theCode(app, user.mobile))).body;
    for (const token of [user.token, other.accessToken]) expect((await me(app, token)).status).toBe(200);
    await moved({ ...user, token: mine.accessToken });
    for (const token of [user.token, other.accessToken])
      theProblem(await me(app, token), 401, 'UNAUTHENTICATED');
    theProblem(await refresh(app, other.refreshToken), 401, 'REFRESH_TOKEN_INVALID');
    expect((await me(app, mine.accessToken)).status).toBe(200);
    expect((await refresh(app, mine.refreshToken)).status).toBe(200);
  });

  it('is in the record, with both numbers masked', async () => {
    const user = await aUser(app, { mobile: '+14155552671' });
    await moved(user, '+4915123456789');
    const newest = (await eventsOf(app, user.token)).at(-1);
    expect(newest).toMatchObject({
      kind: 'number_changed',
      outcome: 'succeeded',
      numbers: { before: '+14*******71', after: '+49*********89' },
    });
    const { rows } = await app.database.query<{ row: string }>(
      'SELECT e::text AS row FROM auth_events e WHERE user_id = $1',
      [user.id],
    );
    for (const { row } of rows) expect(row).not.toMatch(/4155552671|15123456789/);
  });

  it('forgets the codes, wrong passwords and the sign-up of the old number', async () => {
    const user = await aUser(app);
    const { mobile } = user;
    const signIn = await theCode(app, mobile);
    await deletionCode(app, user);
    for (let n = 0; n < 3; n += 1) await login(app, mobile, 'not the passphrase');
    theProblem(await login(app, mobile, PASSWORD), 429, 'PASSWORD_GUESSES_EXHAUSTED');
    await app.api.post('/v1/auth/signup', { mobile, password: PASSWORD });
    await moved(user);
    const left = Object.keys(await keysNaming(app, mobile)).map((key) => key.split(':')[0]);
    expect(left.filter((kind) => ['otp', 'signup', 'password-guesses'].includes(kind ?? ''))).toEqual([]);
    theProblem(await verify(app, mobile, signIn), 400, 'OTP_INVALID');
    theProblem(await login(app, mobile, PASSWORD), 401, 'INVALID_CREDENTIALS');
  });

  it('that was done is answered the same when it is sent again', async () => {
    const user = await aUser(app);
    const mobile = aMobile();
    const otp = await changeCode(app, user, mobile);
    const answers = [
      await confirmChange(app, user, mobile, otp),
      await confirmChange(app, user, mobile, otp),
    ];
    for (const { status, body } of answers)
      expect({ status, body }).toMatchObject({ status: 200, body: { mobile } });
    expect((await eventsOf(app, user.token)).filter(({ kind }) => kind === 'number_changed')).toHaveLength(1);
  });
});

describe('the code', () => {
  it('must be the one that was sent, for the number that it was sent to', async () => {
    const user = await aUser(app);
    const mobile = aMobile();
    const otp = await changeCode(app, user, mobile);
    theProblem(await confirmChange(app, user, mobile, notThe(otp)), 400, 'OTP_INVALID');
    theProblem(await confirmChange(app, user, aMobile(), otp), 400, 'OTP_INVALID');
    expect((await me(app, user.token)).body.mobile).toBe(user.mobile);
    const failed = await until('it is noted', async () =>
      (await eventsOf(app, user.token)).find(({ kind }) => kind === 'number_changed'),
    );
    expect(failed.outcome).toBe('failed');
    expect((await confirmChange(app, user, mobile, otp)).status).toBe(200);
  });

  it('works once', async () => {
    const user = await aUser(app);
    const mobile = aMobile();
    const otp = await changeCode(app, user, mobile);
    expect((await confirmChange(app, user, mobile, otp)).status).toBe(200);
    await moved(user);
    theProblem(await confirmChange(app, user, mobile, otp), 400, 'OTP_INVALID');
  });

  it('is worth nothing to anybody else', async () => {
    const [mine, theirs] = [await aUser(app), await aUser(app)];
    const mobile = aMobile();
    const otp = await changeCode(app, mine, mobile);
    theProblem(await confirmChange(app, theirs, mobile, otp), 400, 'OTP_INVALID');
    // Also where they have asked for one of their own: it does not replace this one, nor is it this one.
    const other = await changeCode(app, theirs, mobile);
    theProblem(
      await confirmChange(app, mine, mobile, other === otp ? notThe(otp) : other),
      400,
      'OTP_INVALID',
    );
    expect((await confirmChange(app, mine, mobile, otp)).status).toBe(200);
  });

  it('of another purpose is worth nothing here, nor this one elsewhere', async () => {
    const user = await aUser(app);
    const mobile = aMobile();
    const signIn = await theCode(app, mobile);
    theProblem(await confirmChange(app, user, mobile, signIn), 400, 'OTP_INVALID');
    const otp = await changeCode(app, user, mobile);
    if (otp !== signIn) theProblem(await verify(app, mobile, otp), 400, 'OTP_INVALID');
    theProblem(
      await app.api.delete('/v1/users/me', { token: user.token, headers: { 'one-time-code': otp } }),
      400,
      'OTP_INVALID',
    );
  });

  it('cannot be asked for without being signed in, nor for what is no number', async () => {
    theProblem(await app.api.post('/v1/users/me/mobile', { mobile: aMobile() }), 401, 'UNAUTHENTICATED');
    const user = await aUser(app);
    const answer = await app.api.post('/v1/users/me/mobile', { mobile: 'x' }, user);
    expect(pathsOf(theProblem(answer, 400, 'VALIDATION_FAILED'))).toEqual(['mobile']);
  });
});

describe('limits', () => {
  let limited: TestApp;
  beforeAll(async () => {
    limited = await startTestApp({
      OTP_RESEND_SECONDS: '60',
      OTP_MAX_GUESSES: '2',
      OTP_TTL_SECONDS: '1',
    });
  });
  afterAll(() => limited.stop());

  it('of codes hold for the number, whoever asks for whatever', async () => {
    const user = await aUser(limited);
    const mobile = aMobile();
    const otp = await changeCode(limited, user, mobile);
    theProblem(await limited.api.post('/v1/users/me/mobile', { mobile }, user), 429, 'OTP_RESEND_TOO_SOON');
    theProblem(await limited.api.post('/v1/auth/send-otp', { mobile }), 429, 'OTP_RESEND_TOO_SOON');
    await until('the code has expired', async () => {
      const { body } = await confirmChange(limited, user, mobile, otp === '000000' ? '000001' : '000000');
      return (
        body.code === 'OTP_EXHAUSTED' || Object.keys(await keysNaming(limited, `otp:{${mobile}`)).length === 0
      );
    });
    await until(
      'the code is gone',
      async () => Object.keys(await keysNaming(limited, `otp:{${mobile}`)).length === 0,
    );
    theProblem(await confirmChange(limited, user, mobile, otp), 400, 'OTP_INVALID');
    expect((await me(limited, user.token)).body.mobile).toBe(user.mobile);
  });
});
