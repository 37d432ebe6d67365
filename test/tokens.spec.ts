import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { aUser, type SignedIn } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { me } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

let app: TestApp;
let user: SignedIn;
beforeAll(async () => {
  app = await startTestApp();
  user = await aUser(app);
});
afterAll(() => app.stop());

type Json = Record<string, unknown>;

const encode = (part: Json): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** The parts of the good token. */
const partsOf = (token: string): { header: Json; claims: Json } => {
  const [header, claims] = token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json);
  return { header: header ?? {}, claims: claims ?? {} };
};

/** The person's token with parts of it changed, and signed again by a good key unless another is given. */
function forged(
  changes: { header?: Json; claims?: Json },
  { hash = 'sha256', secret = app.env.JWT_SECRET ?? '' }: { hash?: string; secret?: string } = {},
): string {
  const { header, claims } = partsOf(user.token);
  const signed = `${encode({ ...header, ...changes.header })}.${encode({ ...claims, ...changes.claims })}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`;
}

async function expectRefused(token: string): Promise<void> {
  const answer = await me(app, token);
  theProblem(answer, 401, 'UNAUTHENTICATED');
  expect(answer.headers.get('www-authenticate')).toBe('Bearer');
}

/** The good token with another value of one claim that nobody signed. */
function tampered(claims: Json): string {
  const [header = '', , signature = ''] = user.token.split('.');
  return `${header}.${encode({ ...partsOf(user.token).claims, ...claims })}.${signature}`;
}

it('says whose it is, for how long and for what, and nothing else about the person', () => {
  const { header, claims } = partsOf(user.token);
  expect(header).toEqual({ alg: 'HS256', typ: 'JWT' });
  expect(claims).toEqual({
    sub: user.id,
    ver: 0,
    typ: 'access',
    iss: 'chat-backend',
    aud: 'chat-api',
    iat: expect.any(Number),
    exp: Number(claims.iat) + 900,
  });
});

it('signed with the right key is accepted: the forgeries below fail for what is wrong with them', async () => {
  expect((await me(app, forged({}))).status).toBe(200);
});

describe('a request is refused', () => {
  it('without a token', async () => {
    const answer = await app.api.get('/v1/users/me');
    theProblem(answer, 401, 'UNAUTHENTICATED');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it.each([
    ['another scheme', () => ({ authorization: `Basic ${user.token}` })],
    ['no scheme', () => ({ authorization: user.token })],
    ['an empty header', () => ({ authorization: '' })],
    ['the scheme alone', () => ({ authorization: 'Bearer' })],
  ])('with %s in the Authorization header', async (_what, headers) => {
    theProblem(await app.api.get('/v1/users/me', { headers: headers() }), 401, 'UNAUTHENTICATED');
  });

  it('with the token anywhere but in the Authorization header', async () => {
    theProblem(
      await app.api.get(`/v1/billing/subscription?access_token=${user.token}`),
      401,
      'UNAUTHENTICATED',
    );
  });

  it.each<[string, () => string]>([
    ['garbage', () => 'garbage'],
    ['three parts of garbage', () => 'a.b.c'],
    ['a token cut short', () => user.token.slice(0, -1)],
    ['a token with something behind it', () => `${user.token}x`],
    ['a token without its signature', () => user.token.replace(/[^.]*$/, '')],
    ['a tampered person', () => tampered({ sub: '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d' })],
    ['a tampered expiry', () => tampered({ exp: 4_000_000_000 })],
    ['alg: none', () => forged({ header: { alg: 'none' } }).replace(/[^.]*$/, '')],
    ['alg: none with a signature', () => forged({ header: { alg: 'none' } })],
    ['HS512 with the right key', () => forged({ header: { alg: 'HS512' } }, { hash: 'sha512' })],
    ['HS384 with the right key', () => forged({ header: { alg: 'HS384' } }, { hash: 'sha384' })],
    ['RS256', () => forged({ header: { alg: 'RS256' } })],
    ['another secret', () => forged({}, { secret: 'another secret that is long enough, too' })],
    ['an empty secret', () => forged({}, { secret: '' })],
    ['another issuer', () => forged({ claims: { iss: 'someone-else' } })],
    ['no issuer', () => forged({ claims: { iss: undefined } })],
    ['another audience', () => forged({ claims: { aud: 'another-api' } })],
    ['no audience', () => forged({ claims: { aud: undefined } })],
    ['another type', () => forged({ claims: { typ: 'stream' } })],
    ['no type', () => forged({ claims: { typ: undefined } })],
    ['a version not reached yet', () => forged({ claims: { ver: 1 } })],
    ['a version as text', () => forged({ claims: { ver: '0' } })],
    ['no version', () => forged({ claims: { ver: undefined } })],
    ['an expiry in the past', () => forged({ claims: { exp: Math.floor(Date.now() / 1000) - 1 } })],
    ['a beginning in the future', () => forged({ claims: { nbf: Math.floor(Date.now() / 1000) + 600 } })],
    [
      'a person who does not exist',
      () => forged({ claims: { sub: '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d' } }),
    ],
  ])('with %s', async (_what, token) => {
    await expectRefused(token());
  });

  it('with the token of an account that was deleted', async () => {
    const gone = await aUser(app);
    expect((await me(app, gone.token)).status).toBe(200);
    await app.database.query('DELETE FROM users WHERE id = $1', [gone.id]);
    await redisDoes((redis) => redis.del(`token-version:{${gone.id}}`));
    await expectRefused(gone.token);
  });
});

it('is good until Redis forgets everything, and after', async () => {
  await redisDoes((redis) => redis.flushall());
  expect((await me(app, user.token)).status).toBe(200);
});

it('is good after a restart', async () => {
  await app.process.kill();
  await app.restart();
  expect((await me(app, user.token)).status).toBe(200);
});

it('ends by its lifetime, and says so', async () => {
  await app.process.kill();
  await app.restart({ JWT_TTL_SECONDS: '1' });
  const { token } = await aUser(app);
  const answer = await until('the token has expired', async () => {
    const seen = await me(app, token);
    return seen.status === 401 && seen;
  });
  expect(theProblem(answer, 401, 'UNAUTHENTICATED').detail).toMatch(/expired/);
});

it('is worthless when the secret was changed', async () => {
  await app.process.kill();
  await app.restart({ JWT_SECRET: 'a new secret, with 32 characters or more' });
  await expectRefused(user.token);
});

async function redisDoes(what: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(app.redis.url);
  await what(redis);
  redis.disconnect();
}
