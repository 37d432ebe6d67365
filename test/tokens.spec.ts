import { createHmac, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { aRoom, aUser, type SignedIn } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { me, refresh, type Session, theCode, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

let app: TestApp;
let user: SignedIn;
let other: SignedIn;
beforeAll(async () => {
  app = await startTestApp();
  [user, other] = [await aUser(app), await aUser(app)];
});
afterAll(async () => {
  await app.stop();
  process.stdout.write(`forged access tokens: ${attacks.tried} tried, ${attacks.gotThrough} got through\n`);
});

const attacks = { tried: 0, gotThrough: 0 };

type Json = Record<string, unknown>;

const encode = (part: Json): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** What no id is; each in an array, as `it.each` takes them. */
const ODD = [
  undefined,
  null,
  '',
  0,
  7,
  true,
  [],
  {},
  ['0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d'],
  { toString: 'x' },
  'x',
  "' OR 1=1 --",
  '*',
  '{}',
  '\0',
  '\ud800',
  'x'.repeat(5000),
].map((odd: unknown) => [odd]);

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
  attacks.tried += 1;
  if (answer.status === 200) attacks.gotThrough += 1;
  theProblem(answer, 401, 'UNAUTHENTICATED');
  expect(answer.headers.get('www-authenticate')).toBe('Bearer');
}

const rsa = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** Signed with a private key of the attacker's, whose public key comes along or not. */
function signedByRsa(header: Json): string {
  const signed = `${encode({ ...partsOf(user.token).header, alg: 'RS256', ...header })}.${encode(partsOf(user.token).claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), createPrivateKey(rsa.privateKey)).toString('base64url')}`;
}

/** The good token with another value of one claim that nobody signed. */
function tampered(claims: Json): string {
  const [header = '', , signature = ''] = user.token.split('.');
  return `${header}.${encode({ ...partsOf(user.token).claims, ...claims })}.${signature}`;
}

it('says whose it is, for how long and for what, and nothing else about the person', () => {
  const { header, claims } = partsOf(user.token);
  expect(header).toEqual({ alg: 'HS256', typ: 'JWT', kid: expect.stringMatching(/^[\w-]{11}$/) });
  expect(claims).toEqual({
    sub: user.id,
    sid: expect.stringMatching(/^[0-9a-f-]{36}$/),
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
    ['a public key as the secret', () => forged({}, { secret: rsa.publicKey })],
    ['RS256 signed by a private key', () => signedByRsa({})],
    ['RS256 and a public key in the header', () => signedByRsa({ jwk: rsa.publicKey, x5c: [rsa.publicKey] })],
    ['RS256 and where its key is', () => signedByRsa({ jku: 'https://evil.example/jwks.json' })],
    ['another kid', () => forged({ header: { kid: 'AAAAAAAAAAA' } })],
    ['no kid', () => forged({ header: { kid: undefined } })],
    ['a kid that is a path', () => forged({ header: { kid: '../../../dev/null' } }, { secret: '' })],
    ['a kid that every object has', () => forged({ header: { kid: '__proto__' } })],
    ['a kid that is no text', () => forged({ header: { kid: ['x'] } })],
    [
      'a header that is no object',
      () => user.token.replace(/^[^.]*/, Buffer.from('null').toString('base64url')),
    ],
    ['no expiry', () => forged({ claims: { exp: undefined } })],
    ['an expiry in the past', () => forged({ claims: { exp: Math.floor(Date.now() / 1000) - 1 } })],
    ['a beginning in the future', () => forged({ claims: { nbf: Math.floor(Date.now() / 1000) + 600 } })],
    [
      'a person who does not exist',
      () => forged({ claims: { sub: '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d' } }),
    ],
    [
      'a session that does not exist',
      () => forged({ claims: { sid: '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d' } }),
    ],
    ['somebody else’s session', () => forged({ claims: { sid: partsOf(other.token).claims.sid } })],
    ['somebody else’s id', () => forged({ claims: { sub: other.id } })],
  ])('with %s', async (_what, token) => {
    await expectRefused(token());
  });

  it.each(ODD)('with a good signature and %j as the person, or as the session', async (odd) => {
    await expectRefused(forged({ claims: { sub: odd } }));
    await expectRefused(forged({ claims: { sid: odd } }));
  });

  it('with ids in another spelling, which would be other keys elsewhere', async () => {
    await expectRefused(forged({ claims: { sub: user.id.toUpperCase() } }));
    await expectRefused(forged({ claims: { sid: String(partsOf(user.token).claims.sid).toUpperCase() } }));
  });

  it('with the token of an account that was deleted', async () => {
    const gone = await aUser(app);
    expect((await me(app, gone.token)).status).toBe(200);
    await app.database.query('DELETE FROM users WHERE id = $1', [gone.id]);
    await redisDoes((redis) => redis.del(`session:{${gone.id}}:${String(partsOf(gone.token).claims.sid)}`));
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

it('lives on when the secret is replaced, until the old one is listed no more', async () => {
  const oldSecret = app.env.JWT_SECRET ?? '';
  const newSecret = 'a new secret of 32 characters or more';
  const restart = async (secrets: string): Promise<void> => {
    await app.process.kill();
    await app.restart({ JWT_SECRET: secrets });
  };
  await restart(oldSecret);
  const session = (await verify(app, user.mobile, await theCode(app, user.mobile))).body;
  for (const title of ['one', 'two']) await aRoom(app, user, { title });
  const page = await app.api.get<{ nextCursor: string }>('/v1/chatrooms?limit=1', user);
  const nextPage = () => app.api.get(`/v1/chatrooms?limit=1&cursor=${page.body.nextCursor}`, user);

  await restart(`${newSecret},${oldSecret}`);
  expect((await me(app, user.token)).status).toBe(200);
  expect((await nextPage()).status).toBe(200);
  const refreshed = (await refresh(app, session.refreshToken)).body;
  expect(partsOf(refreshed.accessToken).header.kid).not.toBe(partsOf(user.token).header.kid);
  expect((await me(app, refreshed.accessToken)).status).toBe(200);
  // Each secret under the name of the other.
  const { kid } = partsOf(refreshed.accessToken).header;
  await expectRefused(forged({ header: { kid } }));
  await expectRefused(forged({}, { secret: newSecret }));

  await restart(newSecret);
  await expectRefused(user.token);
  await expectRefused(forged({ header: { kid } }));
  expect((await me(app, refreshed.accessToken)).status).toBe(200);
  // A refresh token rests on no secret of the server.
  const again: { status: number; body: Session } = await refresh(app, refreshed.refreshToken);
  expect(again.status).toBe(200);
});

async function redisDoes(what: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = openRedis(app.redis.url);
  await what(redis);
  redis.disconnect();
}
