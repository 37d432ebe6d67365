import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { Answer, Problem } from './support/api.js';
import { aMobile, aUser } from './support/factories.js';
import { times } from './support/keyed.js';
import { theProblem } from './support/problem.js';
import { me, type Session, theCode, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { openRedis } from './support/whole-redis.js';

const PASSWORD = 'a passphrase of mine';
const PER_NUMBER = 10;
const PER_ADDRESS = 30;
const WINDOW_SECONDS = 900;
const LOCKED = 'PASSWORD_GUESSES_EXHAUSTED';

let app: TestApp;
let redis: Redis;
beforeAll(async () => {
  app = await startTestApp({
    TRUSTED_PROXIES: '127.0.0.1',
    PASSWORD_MAX_GUESSES_PER_IP: String(PER_ADDRESS),
  });
  redis = openRedis(app.redis.url);
});
afterAll(async () => {
  redis.disconnect();
  await app.stop();
});

let lastAddress = 0;
const anAddress = (): string => `203.0.113.${(lastAddress += 1)}`;

const guess = (
  mobile: string,
  password = 'not the passphrase',
  address = anAddress(),
): Promise<Answer<Session>> =>
  app.api.post('/v1/auth/login', { mobile, password }, { headers: { 'x-forwarded-for': address } });

const change = (token: string, currentPassword: string, newPassword = 'my next passphrase') =>
  app.api.post<Session>('/v1/auth/change-password', { currentPassword, newPassword }, { token });

/** A person with a password. */
async function aMember(): Promise<{ mobile: string; token: string }> {
  const { mobile, token } = await aUser(app);
  const { body } = await app.api.post<Session>(
    '/v1/auth/change-password',
    { newPassword: PASSWORD },
    { token },
  );
  return { mobile, token: body.accessToken };
}

/** How many answers had which status; printed as what an attack tried and got. */
function counted(what: string, answers: Answer<unknown>[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  const compared = answers.length - (counts[429] ?? 0);
  process.stdout.write(`${what}: ${answers.length} tried, ${compared} got through to a comparison\n`);
  return counts;
}

const retryAfter = ({ headers }: Answer<unknown>): number => Number(headers.get('retry-after'));

const lock = (mobile: string) => times(PER_NUMBER, () => guess(mobile));

/** The lock is over, as if its time had passed. */
const endLock = (mobile: string) => redis.hset(`password-guesses:{${mobile}}`, 'lockedUntil', 0);

it('of 100 parallel guesses at one number from 100 addresses exactly ten are compared', async () => {
  const { mobile } = await aMember();
  const answers = await times(100, () => guess(mobile));
  expect(counted('One number, 100 addresses', answers)).toEqual({ 401: PER_NUMBER, 429: 100 - PER_NUMBER });
  const refused = answers.filter(({ status }) => status === 429);
  for (const answer of refused) theProblem(answer, 429, LOCKED);
  expect(Math.max(...refused.map(retryAfter))).toBeLessThanOrEqual(60);
  expect(Math.min(...refused.map(retryAfter))).toBeGreaterThan(0);
});

it('of 100 parallel guesses from one address at 100 numbers exactly 30 are compared, then none in the window', async () => {
  const address = anAddress();
  const answers = await times(100, () => guess(aMobile(), 'password123', address));
  expect(counted('100 numbers, one address', answers)).toEqual({ 401: PER_ADDRESS, 429: 100 - PER_ADDRESS });
  const { mobile } = await aMember();
  const right = await guess(mobile, PASSWORD, address);
  theProblem(right, 429, LOCKED);
  expect(retryAfter(right)).toBeLessThanOrEqual(WINDOW_SECONDS);
  expect(retryAfter(right)).toBeGreaterThan(WINDOW_SECONDS - 120);
  expect((await guess(mobile, PASSWORD)).status).toBe(200);
});

it('a number without an account, one without a password and one with are locked alike', async () => {
  const numbers = [(await aMember()).mobile, (await aUser(app)).mobile, aMobile()];
  const seen = await Promise.all(
    numbers.map(async (mobile) => {
      const answers = [...(await lock(mobile)), await guess(mobile), await guess(mobile, PASSWORD)];
      return answers.map(({ status, body }) => {
        const { code, title, type, detail } = body as unknown as Problem;
        return { status, code, title, type, detail: detail?.replace(/\d+/, 'N') };
      });
    }),
  );
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
  expect(seen[0]?.at(-1)).toMatchObject({ status: 429, code: LOCKED });
});

it('a lock refuses the right password too, and is twice as long after each further guess, up to an hour', async () => {
  const { mobile } = await aMember();
  await lock(mobile);
  for (const seconds of [60, 120, 240, 480, 960, 1920, 3600, 3600]) {
    const refused = await guess(mobile, PASSWORD);
    theProblem(refused, 429, LOCKED);
    expect(retryAfter(refused)).toBeLessThanOrEqual(seconds);
    expect(retryAfter(refused)).toBeGreaterThan(seconds - 30);
    await endLock(mobile);
    theProblem(await guess(mobile), 401, 'INVALID_CREDENTIALS');
  }
  await endLock(mobile);
  expect((await guess(mobile, PASSWORD)).status).toBe(200);
  expect(counted('After a right one', await lock(mobile))).toEqual({ 401: PER_NUMBER });
});

it('a right password forgets the wrong ones before it; an address keeps its wrong ones', async () => {
  const { mobile } = await aMember();
  const address = anAddress();
  for (let turn = 0; turn < 3; turn += 1) {
    for (let wrong = 1; wrong < PER_NUMBER; wrong += 1) await guess(mobile, 'wrong', address);
    expect((await guess(mobile, PASSWORD, address)).status).toBe(200);
  }
  const left = PER_ADDRESS - 3 * (PER_NUMBER - 1);
  const answers = await times(10, () => guess(aMobile(), 'wrong', address));
  expect(counted('An address with successes of its own', answers)).toEqual({ 401: left, 429: 10 - left });
});

it('a code signs in during the lock, and a new password set with one can be used at once', async () => {
  const { mobile } = await aMember();
  await lock(mobile);
  expect((await verify(app, mobile, await theCode(app, mobile))).status).toBe(200);
  theProblem(await guess(mobile, PASSWORD), 429, LOCKED);

  const otp = await theCode(app, mobile, 'forgot-password');
  const newPassword = 'the one after the lock';
  const reset = await app.api.post('/v1/auth/reset-password', { mobile, otp, newPassword });
  expect(reset.status).toBe(200);
  expect((await guess(mobile, newPassword)).status).toBe(200);
});

it('guesses at login do not keep who is signed in from changing the password, which ends them', async () => {
  const { mobile, token } = await aMember();
  await lock(mobile);
  expect((await change(token, PASSWORD)).status).toBe(200);
  expect((await guess(mobile, 'my next passphrase')).status).toBe(200);
});

it('guesses at the current password of change-password are counted by themselves, until a right one or a reset', async () => {
  const { mobile, token } = await aMember();
  const answers = await times(40, () => change(token, 'not the passphrase'));
  expect(counted('change-password', answers)).toEqual({ 403: PER_NUMBER, 429: 40 - PER_NUMBER });
  theProblem(await change(token, PASSWORD), 429, LOCKED);
  expect((await me(app, token)).status).toBe(200);
  await redis.hset(`password-guesses:{${mobile}}:change`, 'lockedUntil', 0);
  const { body } = await change(token, PASSWORD, 'the second passphrase');
  const again = await times(PER_NUMBER + 1, () => change(body.accessToken, 'not the passphrase'));
  expect(counted('change-password, again', again)).toEqual({ 403: PER_NUMBER, 429: 1 });
  expect((await guess(mobile, 'not the passphrase')).status).toBe(401);

  const otp = await theCode(app, mobile, 'forgot-password');
  const reset = await app.api.post<Session>('/v1/auth/reset-password', {
    mobile,
    otp,
    newPassword: PASSWORD,
  });
  expect((await change(reset.body.accessToken, PASSWORD, 'the third passphrase')).status).toBe(200);
});

it('what could not be compared counts for nothing', async () => {
  const { mobile } = await aMember();
  await app.database.query('ALTER TABLE users RENAME TO users_gone');
  try {
    const answers = await times(30, () => guess(mobile, PASSWORD));
    expect(new Set(answers.map(({ status }) => status).filter((status) => status !== 429))).toEqual(
      new Set([500]),
    );
  } finally {
    await app.database.query('ALTER TABLE users_gone RENAME TO users');
  }
  expect(counted('After an outage', await lock(mobile))).toEqual({ 401: PER_NUMBER });
});
