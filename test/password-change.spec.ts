import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aUser } from './support/factories.js';
import { aMember, changePassword, NEW_PASSWORD, PASSWORD } from './support/passwords.js';
import { pathsOf, theProblem } from './support/problem.js';
import { login, me, type Session, theCode } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { emptyRedis } from './support/whole-redis.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('changing the password', () => {
  it('sets the first one without a current one', async () => {
    const user = await aUser(app);
    const { status, body } = await changePassword(app, user.token, { newPassword: PASSWORD });
    expect(status).toBe(200);
    expect(body).toEqual({
      accessToken: expect.any(String),
      tokenType: 'Bearer',
      expiresIn: 900,
      refreshToken: expect.any(String),
      refreshExpiresAt: expect.any(String),
      user: expect.objectContaining({ id: user.id, hasPassword: true }),
    });
    expect((await login(app, user.mobile, PASSWORD)).status).toBe(200);
  });

  it.each([
    ['a wrong one', { currentPassword: 'not the passphrase' }],
    ['none', {}],
    ['null', { currentPassword: null }],
    ['an empty one', { currentPassword: '' }],
  ])('asks for the current one: %s is refused and ends no session', async (_what, current) => {
    const { token, mobile } = await aMember(app);
    theProblem(
      await changePassword(app, token, { ...current, newPassword: NEW_PASSWORD }),
      403,
      'WRONG_PASSWORD',
    );
    expect((await me(app, token)).status).toBe(200);
    expect((await login(app, mobile, PASSWORD)).status).toBe(200);
  });

  it.each([['1234567'], ['x'.repeat(129)], [null], [12345678]])(
    'refuses a new one that is none: %p',
    async (newPassword) => {
      const { token } = await aMember(app);
      const answer = await changePassword(app, token, { currentPassword: PASSWORD, newPassword });
      expect(pathsOf(theProblem(answer, 400, 'VALIDATION_FAILED'))).toEqual(['newPassword']);
    },
  );

  it('replaces the old one', async () => {
    const { token, mobile } = await aMember(app);
    await changePassword(app, token, { currentPassword: PASSWORD, newPassword: NEW_PASSWORD });
    theProblem(await login(app, mobile, PASSWORD), 401, 'INVALID_CREDENTIALS');
    expect((await login(app, mobile, NEW_PASSWORD)).status).toBe(200);
  });

  it('ends every other session at once', async () => {
    const { token, mobile } = await aMember(app);
    const elsewhere = await login(app, mobile, PASSWORD);
    // Both are in use, so the server has seen them.
    expect((await me(app, token)).status).toBe(200);
    expect((await me(app, elsewhere.body.accessToken)).status).toBe(200);

    const { body } = await changePassword(app, token, {
      currentPassword: PASSWORD,
      newPassword: NEW_PASSWORD,
    });
    theProblem(await me(app, token), 401, 'UNAUTHENTICATED');
    theProblem(await me(app, elsewhere.body.accessToken), 401, 'UNAUTHENTICATED');
    expect((await me(app, body.accessToken)).status).toBe(200);
  });

  it('at the same moment leaves exactly the last session', async () => {
    const { mobile } = await aMember(app);
    const sessions = await Promise.all(Array.from({ length: 8 }, () => changeOnce(mobile)));
    const alive = await Promise.all(sessions.map(async (token) => (await me(app, token)).status));
    expect(alive.filter((status) => status === 200)).toHaveLength(1);
  });

  /** Changes the password of the same person in parallel with others, who end the session again and again. */
  const changeOnce = (mobile: string): Promise<string> =>
    until('the password was changed', async () => {
      const { accessToken } = (await login(app, mobile, PASSWORD)).body;
      const same = { currentPassword: PASSWORD, newPassword: PASSWORD };
      const { status, body } = await changePassword(app, accessToken, same);
      return status === 200 && body.accessToken;
    });

  it('ends the old sessions although Redis forgot everything meanwhile', async () => {
    const { token } = await aMember(app);
    const { body } = await changePassword(app, token, {
      currentPassword: PASSWORD,
      newPassword: NEW_PASSWORD,
    });
    await emptyRedis(app.redis.url);
    theProblem(await me(app, token), 401, 'UNAUTHENTICATED');
    expect((await me(app, body.accessToken)).status).toBe(200);
  });
});

it('a reset ends every session at once, and the answer opens a new one', async () => {
  const { token, mobile } = await aMember(app);
  expect((await me(app, token)).status).toBe(200);
  const { status, body } = await app.api.post<Session>('/v1/auth/reset-password', {
    mobile,
    otp: await theCode(app, mobile, 'forgot-password'),
    newPassword: NEW_PASSWORD,
  });
  expect(status).toBe(200);
  theProblem(await me(app, token), 401, 'UNAUTHENTICATED');
  expect((await me(app, body.accessToken)).status).toBe(200);
});

it('one person ending their sessions leaves those of others alone', async () => {
  const [mine, theirs] = [await aMember(app), await aMember(app)];
  await changePassword(app, mine.token, { currentPassword: PASSWORD, newPassword: NEW_PASSWORD });
  expect((await me(app, theirs.token)).status).toBe(200);
});
