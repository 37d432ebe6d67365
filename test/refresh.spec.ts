import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aMobile, aUser } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { me, refresh, type Session, theCode, verify } from './support/sign-in.js';
import { everythingStored } from './support/stored.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { emptyRedis } from './support/whole-redis.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

async function aSession(mobile = aMobile()): Promise<Session> {
  const { status, body } = await verify(app, mobile, await theCode(app, mobile));
  expect(status).toBe(200);
  return body;
}

async function refreshed(refreshToken: string): Promise<Session> {
  const { status, body } = await refresh(app, refreshToken);
  expect(status).toBe(200);
  return body;
}

/** As if the last refresh had been so long ago. */
const ago = (seconds: number, { user }: Session) =>
  app.database.query(
    `UPDATE sessions SET last_used_at = last_used_at - make_interval(secs => $2) WHERE user_id = $1`,
    [user.id, seconds],
  );

const sessionsOf = async ({ user }: Session): Promise<number> =>
  (await app.database.query('SELECT FROM sessions WHERE user_id = $1', [user.id])).rowCount ?? 0;

describe('a refresh token', () => {
  it('gives the next access token and the next refresh token, again and again', async () => {
    let session = await aSession();
    const seen = new Set<string>([session.refreshToken]);
    for (let n = 0; n < 5; n += 1) {
      const next = await refreshed(session.refreshToken);
      expect(next).toEqual({
        accessToken: expect.any(String),
        tokenType: 'Bearer',
        expiresIn: 900,
        refreshToken: expect.stringMatching(/^[\w-]{107}$/),
        refreshExpiresAt: expect.any(String),
        user: session.user,
      });
      expect((await me(app, next.accessToken)).status).toBe(200);
      seen.add(next.refreshToken);
      session = next;
    }
    expect(seen.size).toBe(6);
    expect(await sessionsOf(session)).toBe(1);
  });

  it('whose answer was lost gives the same next one again, within the grace', async () => {
    const { refreshToken } = await aSession();
    const lost = await refreshed(refreshToken);
    const again = await refreshed(refreshToken);
    expect(again.refreshToken).toBe(lost.refreshToken);
    expect(again.refreshExpiresAt).toBe(lost.refreshExpiresAt);
    expect((await me(app, again.accessToken)).status).toBe(200);
    await refreshed(again.refreshToken);
  });

  it('is sent 50 times at once, and all get the same next one', async () => {
    const { refreshToken } = await aSession();
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(app, refreshToken)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const children = new Set(answers.map(({ body }) => body.refreshToken));
    process.stdout.write(`50 parallel refreshes of one token: ${children.size} next token(s)\n`);
    expect(children.size).toBe(1);
    await refreshed([...children][0] ?? '');
  });

  it.each([
    ['the previous one, after the grace', 1],
    ['one before the previous, at once', 2],
    ['a much older one', 4],
  ])('that was used before ends the session and its access tokens: %s', async (_what, generations) => {
    const first = await aSession();
    const elsewhere = await aSession(first.user.mobile);
    let latest = first;
    for (let n = 0; n < generations; n += 1) latest = await refreshed(latest.refreshToken);
    if (generations === 1) await ago(11, first);
    for (const token of [first.accessToken, latest.accessToken])
      expect((await me(app, token)).status).toBe(200);

    const problem = theProblem(await refresh(app, first.refreshToken), 401, 'REFRESH_TOKEN_REUSED');
    expect(problem.detail).toMatch(/sign in again/i);
    theProblem(await refresh(app, latest.refreshToken), 401, 'REFRESH_TOKEN_INVALID');
    for (const token of [first.accessToken, latest.accessToken]) {
      theProblem(await me(app, token), 401, 'UNAUTHENTICATED');
    }
    // Another device of the same person is another family.
    expect((await me(app, elsewhere.accessToken)).status).toBe(200);
    await refreshed(elsewhere.refreshToken);
  });

  it('cannot be made from what is stored', async () => {
    const { refreshToken } = await aSession();
    const next = await refreshed(refreshToken);
    const stored = await everythingStored(app);
    for (const token of [refreshToken, next.refreshToken]) {
      const bytes = Buffer.from(token, 'base64url');
      for (const secret of [bytes.subarray(32, 48), bytes.subarray(48)]) {
        for (const encoding of ['hex', 'base64', 'base64url'] as const)
          expect(stored).not.toContain(secret.toString(encoding));
      }
    }
    expect(JSON.stringify(app.process.logs)).not.toContain(next.refreshToken);
  });

  it('that nobody was given opens nothing and ends nothing', async () => {
    const session = await aSession();
    const other = await aSession();
    const bytes = Buffer.from(session.refreshToken, 'base64url');
    const with_ = (at: number, part: Buffer): string => {
      const copy = Buffer.from(bytes);
      part.copy(copy, at);
      return copy.toString('base64url');
    };
    const otherBytes = Buffer.from(other.refreshToken, 'base64url');
    const forged = [
      '',
      'x',
      '\u{1f600}',
      session.accessToken.slice(0, 107),
      session.refreshToken.slice(0, -1),
      `${session.refreshToken}A`,
      `${session.refreshToken}=`,
      session.refreshToken.replaceAll(/[a-z]/g, (c) => c.toUpperCase()),
      randomBytes(80).toString('base64url'),
      // Known ids and the rest made up; ids, family and secret of different sessions.
      with_(32, randomBytes(48)),
      with_(32, randomBytes(16)),
      with_(0, otherBytes.subarray(0, 16)),
      with_(16, otherBytes.subarray(16, 32)),
      with_(0, otherBytes.subarray(0, 32)),
      with_(32, otherBytes.subarray(32, 48)),
      with_(32, otherBytes.subarray(32)),
    ];
    const answers = await Promise.all(forged.map((token) => refresh(app, token)));
    const through = answers.filter(({ status }) => status === 200).length;
    process.stdout.write(`forged refresh tokens: ${forged.length} tried, ${through} got through\n`);
    for (const answer of answers) theProblem(answer, 401, 'REFRESH_TOKEN_INVALID');
    await refreshed(session.refreshToken);
    await refreshed(other.refreshToken);
  });

  it.each([[{}], [{ refreshToken: 5 }], [{ refreshToken: null }], [{ refreshToken: 'x'.repeat(501) }]])(
    'must be text of a sane length: %j is a 400',
    async (body) => {
      theProblem(await app.api.post('/v1/auth/refresh', body), 400, 'VALIDATION_FAILED');
    },
  );

  it('needs no access token, and an ended one beside it does not matter', async () => {
    const { refreshToken } = await aSession();
    const answer = await app.api.post('/v1/auth/refresh', { refreshToken }, { token: 'garbage' });
    expect(answer.status).toBe(200);
  });

  it('is as good when Redis has forgotten everything', async () => {
    const { refreshToken } = await aSession();
    await emptyRedis(app.redis.url);
    expect((await me(app, (await refreshed(refreshToken)).accessToken)).status).toBe(200);
  });

  it('is tried no oftener than its address may ask for anything', async () => {
    await app.process.kill();
    await app.restart({ THROTTLE_IP_PER_MINUTE: '20' });
    const answers = await Promise.all(Array.from({ length: 40 }, () => refresh(app, 'x')));
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(20);
    await app.process.kill();
    await emptyRedis(app.redis.url);
    await app.restart();
  });
});

describe('a session', () => {
  afterAll(async () => {
    await app.process.kill();
    await app.restart();
  });

  it('that is not used ends, with its access tokens, and its row goes', async () => {
    await app.process.kill();
    await app.restart({ SESSION_IDLE_SECONDS: '1' });
    const session = await aSession();
    expect(session.expiresIn).toBeLessThanOrEqual(1);
    expect((await me(app, session.accessToken)).status).toBe(200);
    const answer = await until('it has ended', async () => {
      const seen = await me(app, session.accessToken);
      return seen.status !== 200 && seen;
    });
    theProblem(answer, 401, 'UNAUTHENTICATED');
    await until('its row is gone', async () => (await sessionsOf(session)) === 0);
    theProblem(await refresh(app, session.refreshToken), 401, 'REFRESH_TOKEN_INVALID');
  });

  it('that is used ends all the same after its longest lifetime, and says so from the beginning', async () => {
    await app.process.kill();
    await app.restart({ SESSION_TTL_SECONDS: '2' });
    const from = Date.now();
    let latest = await aSession();
    const end = latest.refreshExpiresAt;
    let refreshes = 0;
    const answer = await until('it has ended', async () => {
      const seen = await refresh(app, latest.refreshToken);
      if (seen.status !== 200) return seen;
      latest = seen.body;
      refreshes += 1;
      expect(Math.abs(Date.parse(latest.refreshExpiresAt) - Date.parse(end))).toBeLessThan(500);
      return false;
    });
    theProblem(answer, 401, 'REFRESH_TOKEN_INVALID');
    expect(Date.now() - from).toBeGreaterThan(1500);
    expect(refreshes).toBeGreaterThan(5);
    theProblem(await me(app, latest.accessToken), 401, 'UNAUTHENTICATED');
  });

  it('beyond the most that one person may have ends the one unused the longest', async () => {
    await app.process.kill();
    await app.restart({ SESSIONS_PER_USER_MAX: '3' });
    const user = await aUser(app);
    const sessions: Session[] = [];
    for (let n = 0; n < 3; n += 1) sessions.push(await aSession(user.mobile));
    // aUser's own was one too many already.
    theProblem(await me(app, user.token), 401, 'UNAUTHENTICATED');
    const [first, second, third] = sessions as [Session, Session, Session];
    await refreshed(first.refreshToken);
    const fourth = await aSession(user.mobile);
    theProblem(await me(app, second.accessToken), 401, 'UNAUTHENTICATED');
    for (const { accessToken } of [first, third, fourth])
      expect((await me(app, accessToken)).status).toBe(200);
    expect(await sessionsOf(first)).toBe(3);
  });
});
