import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { keys, QUEUE_PREFIX } from '../src/redis/keys.js';
import { aCheckout } from './support/billing.js';
import { aMobile, aPrompt, aRoom, aUser, theReply } from './support/factories.js';
import { aKey, sendKeyed } from './support/keyed.js';
import { login, notThe, theCode, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

/** What a queue keeps that has nothing to do: none of it grows. */
const OF_IDLE_QUEUES =
  /^\{queue\}:[a-z-]+:(meta|id|events|marker|pc|limiter|stalled-check|completed|run-\d+-\d+)$/;
/** Keys that nothing below makes: those of a cap that is reached, of a request that runs at the moment, and of operators. */
const NOT_MADE_HERE: readonly (keyof typeof keys)[] = ['otpCapTold', 'runningRequest', 'operatorGuessesFrom'];

let app: TestApp;
let redis: Redis;
beforeAll(async () => {
  app = await startTestApp({ OTP_RESEND_SECONDS: '1', TITLES_ENABLED: 'true' });
  redis = openRedis(app.redis.url);
});
afterAll(async () => {
  redis.disconnect();
  await app.stop();
});

/** A little of everything that people do. */
async function aLife(): Promise<void> {
  const mobile = aMobile();
  const password = 'correct horse battery staple';
  await app.api.post('/v1/auth/signup', { mobile, password });
  const code = await theCode(app, mobile);
  await verify(app, mobile, notThe(code));
  await verify(app, mobile, code);
  await login(app, mobile, 'another horse altogether');
  const user = await aUser(app);
  await app.api.post('/v1/auth/change-password', { currentPassword: 'x', newPassword: 'y' }, user);
  await app.api.post('/v1/auth/signup', { mobile: aMobile(), password });
  await theCode(app, aMobile());
  const room = await aRoom(app, user, {});
  const accepted = await sendKeyed(app, user, room, aKey());
  await theReply(app, user, accepted.body);
  await theReply(app, user, await aPrompt(app, user, room));
  await app.api.get('/v1/chatrooms', user);
  await app.api.get('/v1/users/me/usage', user);
  await aCheckout(app, user);
  const gone = await aUser(app);
  await verify(app, gone.mobile, '000000');
}

/** `otp-sends-from:` of `otp-sends-from:{…}`. */
const prefixOf = (key: (typeof keys)[keyof typeof keys]): string => {
  const sample = typeof key === 'string' ? key : key('a', 'b');
  return sample.replace(/\{.*/, '');
};

it('every key ends by itself, but for the few of each queue', async () => {
  const seen = new Set<string>();
  const look = async (): Promise<void> => {
    for (const key of await redis.keys('*')) seen.add(key);
  };
  const life = aLife().then(() => true);
  while (!(await Promise.race([life, Promise.resolve(false)]))) await look();
  await until('the failures are noted, which is some time after the answers', async () => {
    await look();
    return [...seen].some((key) => key.startsWith('failures-alike:'));
  });
  await until('the queues are idle', async () =>
    (await withoutEnd()).every((key) => OF_IDLE_QUEUES.test(key)),
  );
  expect(await withoutEnd()).not.toHaveLength(0);

  // Or this would have looked at fewer than there are.
  const notSeen = Object.entries(keys)
    .filter(([name]) => !NOT_MADE_HERE.includes(name as keyof typeof keys))
    .map(([, key]) => prefixOf(key))
    .filter((prefix) => ![...seen].some((key) => key.startsWith(prefix)));
  expect(notSeen).toEqual([]);
});

async function withoutEnd(): Promise<string[]> {
  const names = await redis.keys('*');
  const ends = await Promise.all(names.map((name) => redis.pttl(name)));
  return names.filter((_, at) => ends[at] === -1);
}

it('a queue’s log of events stays short', async () => {
  const queue = `${QUEUE_PREFIX}:replies`;
  expect(await redis.hget(`${queue}:meta`, 'opts.maxLenEvents')).toBe('1000');
});

it('docs/operations.md says of every table and every key what bounds it', async () => {
  const doc = readFileSync('docs/operations.md', 'utf8');
  const { rows } = await app.database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  );
  for (const { name } of rows) expect(doc).toContain(`\`${name}\``);
  for (const key of Object.values(keys)) expect(doc).toContain(`\`${prefixOf(key)}`);
});
