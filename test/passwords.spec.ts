import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Problem } from './support/api.js';
import { aMobile, aUser } from './support/factories.js';
import { times } from './support/keyed.js';
import { anyProblem, theProblem } from './support/problem.js';
import { login, me, type Session, theCode } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

const PASSWORD = 'a passphrase of mine';
const CHEAP = { PASSWORD_HASH_MEMORY_KIB: '8192', PASSWORD_HASH_PASSES: '1' };

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const restartWith = async (changes: Record<string, string>): Promise<void> => {
  await app.process.kill();
  await app.restart(changes);
};

const change = (token: string, body: object) =>
  app.api.post<Session>('/v1/auth/change-password', body, { token });

/** A person with a password. */
async function aMember(): Promise<{ id: string; mobile: string; token: string }> {
  const { id, mobile, token } = await aUser(app);
  const { body } = await change(token, { newPassword: PASSWORD });
  return { id, mobile, token: body.accessToken };
}

async function storedHash(id: string): Promise<string> {
  const { rows } = await app.database.query<{ password_hash: string }>(
    'SELECT password_hash FROM users WHERE id = $1',
    [id],
  );
  return rows[0]?.password_hash ?? '';
}

describe('a storm of logins', () => {
  const PARALLEL = 2;
  const WAITING = 6;
  const STORM = 200;

  it('is compared a few at a time, the rest refused at once with a code, while chatting goes on', async () => {
    const { mobile, token } = await aMember();
    // Each comparison takes long enough for the whole storm to arrive during the first ones.
    await restartWith({
      PASSWORD_HASH_PARALLEL: String(PARALLEL),
      PASSWORD_HASH_WAITING_MAX: String(WAITING),
      PASSWORD_HASH_PASSES: '40',
    });
    let pending = STORM;
    const answers: Answer<unknown>[] = [];
    const storm = times(STORM, async (n) => {
      answers.push(await login(app, n === 0 ? mobile : aMobile(), PASSWORD));
      pending -= 1;
    });
    let reads = 0;
    let readsDuringIt = 0;
    while (pending > 0) {
      const { status } = await app.api.get('/v1/chatrooms', { token });
      expect(status).toBe(200);
      reads += 1;
      if (pending > 0) readsDuringIt += 1;
    }
    await storm;

    const busy = answers.filter(({ status }) => status === 503);
    const compared = STORM - busy.length;
    process.stdout.write(`Storm: ${STORM} tried, ${compared} compared; ${reads} reads answered meanwhile\n`);
    for (const answer of busy) {
      theProblem(answer, 503, 'PASSWORDS_BUSY');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    for (const answer of answers.filter(({ status }) => status !== 503)) {
      if (answer.status !== 200) expect([401, 429]).toContain(anyProblem(answer).status);
    }
    expect(compared).toBeGreaterThanOrEqual(PARALLEL + WAITING);
    expect(busy.length).toBeGreaterThan(STORM / 2);
    expect(readsDuringIt).toBeGreaterThan(0);
  });

  it('uses up no code of a password reset, and no guess', async () => {
    await restartWith({
      PASSWORD_HASH_PARALLEL: '1',
      PASSWORD_HASH_WAITING_MAX: '1',
      PASSWORD_HASH_PASSES: '40',
      PASSWORD_MAX_GUESSES: '2',
      OTP_GUESSES_PER_ADDRESS: '10/1h',
    });
    const { mobile } = await aUser(app);
    const otp = await theCode(app, mobile, 'forgot-password');
    const reset = (code: string) =>
      app.api.post<Problem>('/v1/auth/reset-password', { mobile, otp: code, newPassword: PASSWORD });
    const answers = await times(20, async (n) => (n % 2 ? reset(otp) : login(app, aMobile(), PASSWORD)));
    expect(answers.filter(({ status }) => status === 503).length).toBeGreaterThan(0);
    await until('the password is set', async () => {
      const { status, body } = await reset(otp);
      return status === 200 || body.code === 'OTP_INVALID';
    });
    await until('it is compared', async () => {
      const { status } = await login(app, mobile, PASSWORD);
      expect([200, 503]).toContain(status);
      return status === 200;
    });
  });
});

describe('hashing for who has proven nothing', () => {
  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });

  it('at sign-up is bounded for an address; signing up without a password is not', async () => {
    await restartWith({ TRUSTED_PROXIES: '127.0.0.1', SIGNUPS_PER_ADDRESS: '3/1h' });
    const signup = (address: string, password?: string) =>
      app.api.post('/v1/auth/signup', { mobile: aMobile(), password }, from(address));
    const answers = await times(8, (n) => signup(`2001:db8:7:7::${n}`, PASSWORD));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    const refused = await signup('2001:db8:7:7::99', PASSWORD);
    theProblem(refused, 429, 'TOO_MANY_REQUESTS');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000);
    expect((await signup('2001:db8:7:7::99')).status).toBe(201);
    expect((await signup('2001:db8:7:8::1', PASSWORD)).status).toBe(201);
  });

  it('at a reset stops with the guesses of the address', async () => {
    await restartWith({
      TRUSTED_PROXIES: '127.0.0.1',
      OTP_GUESSES_PER_ADDRESS: '3/1h',
      PASSWORD_HASH_PARALLEL: '1',
      PASSWORD_HASH_WAITING_MAX: '1',
      PASSWORD_HASH_PASSES: '40',
    });
    const reset = () =>
      app.api.post(
        '/v1/auth/reset-password',
        { mobile: aMobile(), otp: '123456', newPassword: PASSWORD },
        from('203.0.113.1'),
      );
    for (let turn = 0; turn < 3; turn += 1) theProblem(await reset(), 400, 'OTP_INVALID');
    // Were any of them hashed, others would be refused with PASSWORDS_BUSY.
    for (const answer of await times(20, reset)) theProblem(answer, 429, 'OTP_GUESS_LIMIT_REACHED');
  });
});

describe('a hash made with other parameters than today’s', () => {
  it('is replaced at the next login, once, and the password stays good', async () => {
    await restartWith(CHEAP);
    const { id, mobile } = await aMember();
    const old = await storedHash(id);
    expect(old).toContain('$m=8192,t=1,p=1$');

    await restartWith({});
    theProblem(await login(app, mobile, 'not the passphrase'), 401, 'INVALID_CREDENTIALS');
    expect(await storedHash(id)).toBe(old);
    expect((await times(5, () => login(app, mobile, PASSWORD))).map(({ status }) => status)).toEqual(
      Array(5).fill(200),
    );
    const renewed = await until('the hash is renewed', async () => {
      const hash = await storedHash(id);
      return hash !== old && hash;
    });
    expect(renewed).toContain('$m=19456,t=2,p=1$');
    for (let again = 0; again < 3; again += 1) expect((await login(app, mobile, PASSWORD)).status).toBe(200);
    expect(await storedHash(id)).toBe(renewed);
  });

  it('is not put in the place of a password that was changed meanwhile', async () => {
    await restartWith(CHEAP);
    const members = await times(10, aMember);
    await restartWith({});
    await Promise.all(
      members.flatMap(({ mobile, token }) => [
        login(app, mobile, PASSWORD),
        change(token, { currentPassword: PASSWORD, newPassword: 'my next passphrase' }),
      ]),
    );
    for (const { mobile } of members) {
      expect((await login(app, mobile, 'my next passphrase')).status).toBe(200);
      theProblem(await login(app, mobile, PASSWORD), 401, 'INVALID_CREDENTIALS');
    }
  });
});

describe('a password that is guessed first', () => {
  const MOBILE = '+14155550042';

  it.each([
    ['one of the most used', 'password123'],
    ['another of them', 'iloveyou'],
    ['in capitals', 'PassWord123'],
    ['in full-width letters', 'ｐａｓｓｗｏｒｄ123'],
    ['with spaces around it', ' password123 '],
    ['the number', MOBILE],
    ['the number without its country code', '4155550042'],
    ['the number with punctuation', '+1 (415) 555-0042'],
    ['the number with a trunk zero', '04155550042'],
  ])('is refused at sign-up, reset and change: %s', async (_what, password) => {
    const { token } = await aUser(app, { mobile: MOBILE });
    const refusals = [
      ['password', await app.api.post('/v1/auth/signup', { mobile: MOBILE, password })],
      [
        'newPassword',
        await app.api.post('/v1/auth/reset-password', {
          mobile: MOBILE,
          otp: '123456',
          newPassword: password,
        }),
      ],
      ['newPassword', await change(token, { newPassword: password })],
    ] as const;
    for (const [path, answer] of refusals) {
      const [error, ...more] = theProblem(answer, 400, 'VALIDATION_FAILED').errors ?? [];
      expect(more).toEqual([]);
      expect(error?.path).toBe(path);
      expect(error?.message).toMatch(
        new RegExp(`^${path} (is one of the most used|must not be your mobile)`),
      );
      expect(error?.message).toContain('choose another');
    }
    expect((await me(app, token)).body.hasPassword).toBe(false);
  });

  it.each(['correct horse battery staple', '9275031846', randomBytes(9).toString('base64')])(
    'is none of them, so it is taken: %s',
    async (password) => {
      expect((await app.api.post('/v1/auth/signup', { mobile: MOBILE, password })).status).toBe(201);
    },
  );
});
