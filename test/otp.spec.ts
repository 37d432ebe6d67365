import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aMobile, aUser } from './support/factories.js';
import { report, tally } from './support/flood.js';
import { pathsOf, theProblem } from './support/problem.js';
import { me, notThe, type OtpSent, type Session, theCode, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const GUESSES = 5;
const NEW_PASSWORD = 'my next passphrase';

const reset = (mobile: string, otp: string) =>
  app.api.post<Session>('/v1/auth/reset-password', { mobile, otp, newPassword: NEW_PASSWORD });

const restartWith = async (changes: Record<string, string>): Promise<void> => {
  await app.process.kill();
  await app.restart(changes);
};

describe('a one-time code', () => {
  it('is refused when it is wrong, and still good afterwards', async () => {
    const mobile = aMobile();
    const code = await theCode(app, mobile);
    theProblem(await verify(app, mobile, notThe(code)), 400, 'OTP_INVALID');
    expect((await verify(app, mobile, code)).status).toBe(200);
  });

  it('is refused when it was used once', async () => {
    const mobile = aMobile();
    const code = await theCode(app, mobile);
    await verify(app, mobile, code);
    theProblem(await verify(app, mobile, code), 400, 'OTP_INVALID');
  });

  it('is refused when none was sent', async () => {
    theProblem(await verify(app, aMobile(), '123456'), 400, 'OTP_INVALID');
  });

  it('is refused for another number', async () => {
    const [mine, theirs] = [aMobile(), aMobile()];
    await theCode(app, theirs);
    theProblem(await verify(app, theirs, await theCode(app, mine)), 400, 'OTP_INVALID');
  });

  it('is replaced when another is sent', async () => {
    const mobile = aMobile();
    const first = await theCode(app, mobile);
    let second = await theCode(app, mobile);
    while (second === first) second = await theCode(app, mobile);
    theProblem(await verify(app, mobile, first), 400, 'OTP_INVALID');
    expect((await verify(app, mobile, second)).status).toBe(200);
  });

  it('is refused after five wrong guesses, even when it is right, until another is sent', async () => {
    const mobile = aMobile();
    const code = await theCode(app, mobile);
    for (let guess = 1; guess <= GUESSES; guess += 1) {
      theProblem(await verify(app, mobile, notThe(code)), 400, 'OTP_INVALID');
    }
    theProblem(await verify(app, mobile, code), 400, 'OTP_EXHAUSTED');
    expect((await verify(app, mobile, await theCode(app, mobile))).status).toBe(200);
  });

  it('lets one of a hundred requests in that bring it at once', async () => {
    const mobile = aMobile();
    const code = await theCode(app, mobile);
    const answers = await Promise.all(Array.from({ length: 100 }, () => verify(app, mobile, code)));
    report('one right code, brought at once', answers.length, tally(answers)[200] ?? 0);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers) if (answer.status !== 200) theProblem(answer, 400, 'OTP_INVALID');
  });

  it('counts a hundred wrong guesses at once exactly', async () => {
    const mobile = aMobile();
    const code = await theCode(app, mobile);
    const answers = await Promise.all(Array.from({ length: 100 }, () => verify(app, mobile, notThe(code))));
    report('wrong guesses at one code at once', answers.length, tally(answers).OTP_INVALID ?? 0);
    expect(tally(answers)).toEqual({ OTP_INVALID: GUESSES, OTP_EXHAUSTED: 100 - GUESSES });
    theProblem(await verify(app, mobile, code), 400, 'OTP_EXHAUSTED');
  });

  it.each([
    ['letters', 'abcdef'],
    ['five digits', '12345'],
    ['seven digits', '1234567'],
    ['letters of another script', '一二三四五六'],
    ['circled digits beside others', '①23456x'],
    ['a line end behind it', '123456\n'],
    ['a number', 123456],
    ['an array', ['123456']],
    ['null', null],
    ['nothing', undefined],
  ])('must be six digits, not %s', async (_what, otp) => {
    const answer = await app.api.post('/v1/auth/verify-otp', { mobile: aMobile(), otp });
    expect(pathsOf(theProblem(answer, 400, 'VALIDATION_FAILED'))).toEqual(['otp']);
  });
});

describe('a code to reset a password', () => {
  it('sets the password and signs in', async () => {
    const { mobile } = await aUser(app);
    const { status, body } = await reset(mobile, await theCode(app, mobile, 'forgot-password'));
    expect(status).toBe(200);
    expect(body).toEqual({
      accessToken: expect.any(String),
      tokenType: 'Bearer',
      expiresIn: 900,
      refreshToken: expect.any(String),
      refreshExpiresAt: expect.any(String),
      user: expect.objectContaining({ mobile, hasPassword: true }),
    });
    expect((await me(app, body.accessToken)).status).toBe(200);
    const login = await app.api.post('/v1/auth/login', { mobile, password: NEW_PASSWORD });
    expect(login.status).toBe(200);
  });

  it('is sent to an unknown number alike, and then says that there is no account', async () => {
    const [{ mobile: known }, unknown] = [await aUser(app), aMobile()];
    const [forKnown, forUnknown] = await Promise.all(
      [known, unknown].map((mobile) => app.api.post<OtpSent>('/v1/auth/forgot-password', { mobile })),
    );
    expect(forUnknown?.status).toBe(forKnown?.status);
    expect(Object.keys(forUnknown?.body ?? {})).toEqual(Object.keys(forKnown?.body ?? {}));
    const code = forUnknown?.body.otp ?? '';
    theProblem(await reset(unknown, notThe(code)), 400, 'OTP_INVALID');
    theProblem(await reset(unknown, code), 404, 'ACCOUNT_NOT_FOUND');
  });

  it('does not sign in by itself, and a code to sign in resets no password', async () => {
    const { mobile } = await aUser(app);
    const toReset = await theCode(app, mobile, 'forgot-password');
    theProblem(await verify(app, mobile, toReset), 400, 'OTP_INVALID');
    let toSignIn = await theCode(app, mobile);
    while (toSignIn === toReset) toSignIn = await theCode(app, mobile);
    theProblem(await reset(mobile, toSignIn), 400, 'OTP_INVALID');
    expect((await verify(app, mobile, toSignIn)).status).toBe(200);
    expect((await reset(mobile, toReset)).status).toBe(200);
  });

  it('is exhausted by five wrong guesses of its own', async () => {
    const { mobile } = await aUser(app);
    const code = await theCode(app, mobile, 'forgot-password');
    for (let guess = 1; guess <= GUESSES; guess += 1) await reset(mobile, notThe(code));
    theProblem(await reset(mobile, code), 400, 'OTP_EXHAUSTED');
  });
});

describe('with other settings', () => {
  it('a code is refused after its lifetime', async () => {
    await restartWith({ OTP_TTL_SECONDS: '1' });
    const mobile = aMobile();
    const { body } = await app.api.post<OtpSent>('/v1/auth/send-otp', { mobile });
    await until('the code has expired', () => Date.now() > Date.parse(body.expiresAt) + 50);
    theProblem(await verify(app, mobile, body.otp ?? ''), 400, 'OTP_INVALID');
  });

  it('a second code too soon is refused with the time to wait, and the first stays good', async () => {
    await restartWith({ OTP_RESEND_SECONDS: '30' });
    const mobile = aMobile();
    const { body } = await app.api.post<OtpSent>('/v1/auth/send-otp', { mobile });
    const again = await app.api.post('/v1/auth/send-otp', { mobile });
    theProblem(again, 429, 'OTP_RESEND_TOO_SOON');
    const wait = Number(again.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(25);
    expect(wait).toBeLessThanOrEqual(30);
    expect(Date.now() + wait * 1000).toBeGreaterThanOrEqual(Date.parse(body.resendAt) - 1000);
    // A code for something else is another message to the same phone; somebody else need not wait.
    theProblem(await app.api.post('/v1/auth/forgot-password', { mobile }), 429, 'OTP_RESEND_TOO_SOON');
    await theCode(app, aMobile());
    expect((await verify(app, mobile, body.otp ?? '')).status).toBe(200);
  });

  it('the pause between two codes holds when it is longer than their lifetime', async () => {
    await restartWith({ OTP_RESEND_SECONDS: '30', OTP_TTL_SECONDS: '1' });
    const mobile = aMobile();
    const { body } = await app.api.post<OtpSent>('/v1/auth/send-otp', { mobile });
    await until('the code has expired', () => Date.now() > Date.parse(body.expiresAt) + 50);
    theProblem(await app.api.post('/v1/auth/send-otp', { mobile }), 429, 'OTP_RESEND_TOO_SOON');
    theProblem(await verify(app, mobile, body.otp ?? ''), 400, 'OTP_INVALID');
  });

  it.each([
    ['warned of', 'that others reach', { NODE_ENV: 'development', HOST: '0.0.0.0' }, 1],
    ['warned of', 'behind a proxy', { NODE_ENV: 'development', TRUSTED_PROXIES: '127.0.0.1' }, 1],
    ['silent', 'that only its own machine reaches, as with `npm run local`', { NODE_ENV: 'development' }, 0],
  ])(
    'OTP_DELIVERY=response is %s in development by a process %s',
    async (_what, _where, changes, warnings) => {
      await restartWith(changes);
      const found = app.process.logs.filter(({ msg }) =>
        /codes are shown in the answers.*NODE_ENV=production/.test(String(msg)),
      );
      expect(found).toHaveLength(warnings);
      for (const line of found) expect(line).toMatchObject({ level: 'warn' });
    },
  );

  it('OTP_DELIVERY=log tells the code to the log alone, under the id of the request', async () => {
    await restartWith({ OTP_DELIVERY: 'log', LOG_CONTEXT: 'true' });
    const mobile = aMobile();
    const sent = await app.api.post('/v1/auth/send-otp', { mobile });
    expect(sent.status).toBe(200);
    expect(Object.keys(sent.body as object)).toEqual(['expiresAt', 'resendAt']);
    const line = await until('the code is in the log', () =>
      app.process.logs.find(({ msg }) => typeof msg === 'string' && msg.includes(mobile)),
    );
    expect(line.requestId).toBe(sent.headers.get('x-request-id'));
    const code = /\b\d{6}\b/.exec(String(line.msg))?.[0] ?? '';
    expect((await verify(app, mobile, code)).status).toBe(200);
  });
});
