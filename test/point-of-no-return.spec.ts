import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { type CuttableLine, layLine } from './support/cuttable-line.js';
import { aMobile, aUser } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { login, type Session, theCode, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

const PASSWORD = 'a passphrase of mine';

let app: TestApp;
let redis: Redis;
let postgres: CuttableLine;
beforeAll(async () => {
  app = await startTestApp();
  postgres = await layLine(app.env.DATABASE_URL ?? '');
  await app.process.kill();
  await app.restart({ DATABASE_URL: postgres.url });
  // As another user than the application's, whose rights are what fails here.
  const admin = openRedis(app.redis.url);
  await admin.call('ACL', 'SETUSER', 'admin', 'on', '>admin', '~*', '&*', '+@all');
  admin.disconnect();
  redis = openRedis(app.redis.url, { username: 'admin', password: 'admin' });
});
afterEach(() => allow('~*', '+@all'));
afterAll(async () => {
  redis.disconnect();
  await app.stop();
  await postgres.cut();
});

/** What the application may do in Redis from now on. */
async function allow(...rules: string[]): Promise<void> {
  await redis.call('ACL', 'SETUSER', 'default', 'clearselectors', 'resetkeys', ...rules);
}

const logged = (msg: string) => until(msg, () => app.process.logs.some((line) => line.msg === msg));

it('a right code signs in, also where it cannot be given back to its address', async () => {
  const mobile = aMobile();
  const code = await theCode(app, mobile);
  await allow('~*', '-zrem', '(+zrem ~otp-guesses:*)');
  expect((await verify(app, mobile, code)).status).toBe(200);
  await logged('A right code still counts as a guess of its address');
});

it('a reset and a change stand, also where the guesses before them cannot be forgotten', async () => {
  const { mobile } = await aUser(app);
  const otp = await theCode(app, mobile, 'forgot-password');
  await allow('~[^p]*', '+@all');
  const { status } = await app.api.post<Session>('/v1/auth/reset-password', {
    mobile,
    otp,
    newPassword: PASSWORD,
  });
  expect(status).toBe(200);
  await logged('Wrong passwords before a new one still count');
  await allow('~*', '+@all');
  expect((await login(app, mobile, PASSWORD)).status).toBe(200);
});

it('a new account signs in, also where its sign-up cannot be ended', async () => {
  const mobile = aMobile();
  await app.api.post('/v1/auth/signup', { mobile, password: PASSWORD });
  const code = await theCode(app, mobile);
  await allow('~[^s]*', '%R~signup:*', '~session:*');
  const { status, body } = await verify(app, mobile, code);
  expect({ status, hasPassword: body.user.hasPassword }).toEqual({ status: 200, hasPassword: true });
  await logged('A sign-up that became an account could not be ended');
});

it('a code is not used up where Postgres is known to be away, and the password of the sign-up is kept', async () => {
  const mobile = aMobile();
  await app.api.post('/v1/auth/signup', { mobile, password: PASSWORD });
  const code = await theCode(app, mobile);
  await postgres.cut();
  theProblem(await verify(app, mobile, code), 503, 'SERVICE_UNAVAILABLE');
  await postgres.mend();
  const { body } = await until('Postgres is back', async () => {
    const answer = await verify(app, mobile, code);
    return answer.status !== 503 && answer;
  });
  expect(body.user.hasPassword).toBe(true);
});

it('a sign-up outlives an account that could not be stored after its code was used', async () => {
  const mobile = aMobile();
  await app.api.post('/v1/auth/signup', { mobile, password: PASSWORD });
  await app.database.query('ALTER TABLE users RENAME TO users_gone');
  try {
    theProblem(await verify(app, mobile, await theCode(app, mobile)), 500, 'INTERNAL_ERROR');
  } finally {
    await app.database.query('ALTER TABLE users_gone RENAME TO users');
  }
  const { body } = await verify(app, mobile, await theCode(app, mobile));
  expect(body.user.hasPassword).toBe(true);
});
