import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aUser, type SignedIn } from './support/factories.js';
import { pathsOf, theProblem } from './support/problem.js';
import { login, me, refresh, type Session, theCode, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

const PASSWORD = 'a passphrase of mine';
const NEW_PASSWORD = 'my next passphrase';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const change = (token: string, body: object) =>
  app.api.post<Session>('/v1/auth/change-password', body, { token });

/** A person with a password, signed in with what that gave them. */
async function aMember(): Promise<SignedIn> {
  const user = await aUser(app);
  const { status, body } = await change(user.token, { newPassword: PASSWORD });
  expect(status).toBe(200);
  return { ...user, token: body.accessToken };
}

describe('changing the password', () => {
  it('sets the first one without a current one', async () => {
    const user = await aUser(app);
    const { status, body } = await change(user.token, { newPassword: PASSWORD });
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
    const { token, mobile } = await aMember();
    theProblem(await change(token, { ...current, newPassword: NEW_PASSWORD }), 403, 'WRONG_PASSWORD');
    expect((await me(app, token)).status).toBe(200);
    expect((await login(app, mobile, PASSWORD)).status).toBe(200);
  });

  it.each([['1234567'], ['x'.repeat(129)], [null], [12345678]])(
    'refuses a new one that is none: %p',
    async (newPassword) => {
      const { token } = await aMember();
      const answer = await change(token, { currentPassword: PASSWORD, newPassword });
      expect(pathsOf(theProblem(answer, 400, 'VALIDATION_FAILED'))).toEqual(['newPassword']);
    },
  );

  it('replaces the old one', async () => {
    const { token, mobile } = await aMember();
    await change(token, { currentPassword: PASSWORD, newPassword: NEW_PASSWORD });
    theProblem(await login(app, mobile, PASSWORD), 401, 'INVALID_CREDENTIALS');
    expect((await login(app, mobile, NEW_PASSWORD)).status).toBe(200);
  });

  it('ends every other session at once', async () => {
    const { token, mobile } = await aMember();
    const elsewhere = await login(app, mobile, PASSWORD);
    // Both are in use, so the server has seen them.
    expect((await me(app, token)).status).toBe(200);
    expect((await me(app, elsewhere.body.accessToken)).status).toBe(200);

    const { body } = await change(token, { currentPassword: PASSWORD, newPassword: NEW_PASSWORD });
    theProblem(await me(app, token), 401, 'UNAUTHENTICATED');
    theProblem(await me(app, elsewhere.body.accessToken), 401, 'UNAUTHENTICATED');
    expect((await me(app, body.accessToken)).status).toBe(200);
  });

  it('at the same moment leaves exactly the last session', async () => {
    const { mobile } = await aMember();
    const sessions = await Promise.all(Array.from({ length: 8 }, () => changeOnce(mobile)));
    const alive = await Promise.all(sessions.map(async (token) => (await me(app, token)).status));
    expect(alive.filter((status) => status === 200)).toHaveLength(1);
  });

  /** Changes the password of the same person in parallel with others, who end the session again and again. */
  const changeOnce = (mobile: string): Promise<string> =>
    until('the password was changed', async () => {
      const { accessToken } = (await login(app, mobile, PASSWORD)).body;
      const same = { currentPassword: PASSWORD, newPassword: PASSWORD };
      const { status, body } = await change(accessToken, same);
      return status === 200 && body.accessToken;
    });

  it('ends the old sessions although Redis forgot everything meanwhile', async () => {
    const { token } = await aMember();
    const { body } = await change(token, { currentPassword: PASSWORD, newPassword: NEW_PASSWORD });
    await emptyRedis();
    theProblem(await me(app, token), 401, 'UNAUTHENTICATED');
    expect((await me(app, body.accessToken)).status).toBe(200);
  });
});

it('a reset ends every session at once, and the answer opens a new one', async () => {
  const { token, mobile } = await aMember();
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
  const [mine, theirs] = [await aMember(), await aMember()];
  await change(mine.token, { currentPassword: PASSWORD, newPassword: NEW_PASSWORD });
  expect((await me(app, theirs.token)).status).toBe(200);
});

async function emptyRedis(): Promise<void> {
  const redis = openRedis(app.redis.url);
  await redis.flushall();
  redis.disconnect();
}

interface Listed {
  id: string;
  device: string | null;
  userAgent: string | null;
  ip: string;
  createdAt: string;
  lastUsedAt: string;
  expiresAt: string;
  current: boolean;
}

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

/** The same person on so many devices. */
async function onDevices(count: number): Promise<Session[]> {
  const mobile = (await aUser(app)).mobile;
  await app.database.query('DELETE FROM sessions USING users WHERE user_id = users.id AND mobile = $1', [
    mobile,
  ]);
  const sessions: Session[] = [];
  for (let n = 0; n < count; n += 1)
    sessions.push((await verify(app, mobile, await theCode(app, mobile))).body);
  return sessions;
}

const list = (token: string, query = '') =>
  app.api.get<{ data: Listed[]; nextCursor: string | null }>(`/v1/auth/sessions${query}`, { token });
const sidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sid: string }).sid;
const end = (token: string, id: string) => app.api.delete(`/v1/auth/sessions/${id}`, { token });
const logout = (token: string) => app.api.post('/v1/auth/logout', undefined, { token });
const logoutAll = (token: string, query = '') =>
  app.api.post(`/v1/auth/logout-all${query}`, undefined, { token });

async function expectEnded({ accessToken, refreshToken }: Session): Promise<void> {
  theProblem(await me(app, accessToken), 401, 'UNAUTHENTICATED');
  theProblem(await refresh(app, refreshToken), 401, 'REFRESH_TOKEN_INVALID');
}

async function expectLive({ accessToken, refreshToken }: Session): Promise<void> {
  expect((await me(app, accessToken)).status).toBe(200);
  expect((await refresh(app, refreshToken)).status).toBe(200);
}

describe('the list of sessions', () => {
  it('says on which device, from where and since when, newest first', async () => {
    const { mobile } = await aUser(app);
    const otp = await theCode(app, mobile);
    const headers = { 'user-agent': CHROME };
    const { body } = await app.api.post<Session>('/v1/auth/verify-otp', { mobile, otp }, { headers });
    const { status, body: page } = await list(body.accessToken);
    expect(status).toBe(200);
    expect(page).toEqual({
      data: [
        {
          id: sidOf(body.accessToken),
          device: 'Chrome on Windows',
          userAgent: CHROME,
          ip: '127.0.0.1',
          createdAt: expect.stringMatching(/Z$/),
          lastUsedAt: expect.stringMatching(/Z$/),
          expiresAt: body.refreshExpiresAt,
          current: true,
        },
        expect.objectContaining({ device: 'node', current: false }),
      ],
      nextCursor: null,
    });
  });

  it('notes a refresh, and no other request', async () => {
    const [session] = (await onDevices(1)) as [Session];
    const before = (await list(session.accessToken)).body.data[0];
    await me(app, session.accessToken);
    expect((await list(session.accessToken)).body.data[0]).toEqual(before);
    await app.api.post(
      '/v1/auth/refresh',
      { refreshToken: session.refreshToken },
      { headers: { 'user-agent': CHROME } },
    );
    const after = (await list(session.accessToken)).body.data[0];
    expect(after).toMatchObject({ device: 'Chrome on Windows', createdAt: before?.createdAt });
    expect(Date.parse(after?.lastUsedAt ?? '')).toBeGreaterThan(Date.parse(before?.lastUsedAt ?? ''));
  });

  it('bounds what a client says of itself', async () => {
    const { mobile } = await aUser(app);
    const otp = await theCode(app, mobile);
    const headers = { 'user-agent': `\u00e9<script>${'x'.repeat(5000)}` };
    const { body } = await app.api.post<Session>('/v1/auth/verify-otp', { mobile, otp }, { headers });
    const [mine] = (await list(body.accessToken)).body.data;
    expect(mine?.userAgent).toHaveLength(255);
    expect(mine?.device?.length).toBeLessThan(50);
  });

  it('comes in pages, each session once', async () => {
    const sessions = await onDevices(5);
    const token = sessions[0]?.accessToken ?? '';
    const ids: string[] = [];
    let query = '?limit=2';
    for (;;) {
      const { body } = await list(token, query);
      ids.push(...body.data.map(({ id }) => id));
      if (body.nextCursor === null) break;
      query = `?limit=2&cursor=${body.nextCursor}`;
    }
    expect(ids).toEqual(sessions.map(({ accessToken }) => sidOf(accessToken)).reverse());
    const other = await aUser(app);
    const { nextCursor } = (await list(token, '?limit=2')).body;
    theProblem(await list(other.token, `?cursor=${nextCursor ?? ''}`), 400, 'INVALID_CURSOR');
  });
});

describe('signing out', () => {
  it('ends this session at once and leaves the others', async () => {
    const [one, two] = (await onDevices(2)) as [Session, Session];
    expect((await me(app, one.accessToken)).status).toBe(200);
    expect((await logout(one.accessToken)).status).toBe(204);
    await expectEnded(one);
    theProblem(await logout(one.accessToken), 401, 'UNAUTHENTICATED');
    await expectLive(two);
  });

  it('can be sent twice at once', async () => {
    const [one] = (await onDevices(1)) as [Session];
    const answers = await Promise.all(Array.from({ length: 5 }, () => logout(one.accessToken)));
    for (const { status } of answers) expect([204, 401]).toContain(status);
    expect(answers.some(({ status }) => status === 204)).toBe(true);
    await expectEnded(one);
  });

  it('everywhere ends every session, of this person alone', async () => {
    const sessions = await onDevices(3);
    const other = await aUser(app);
    for (const { accessToken } of sessions) expect((await me(app, accessToken)).status).toBe(200);
    expect((await logoutAll(sessions[0]?.accessToken ?? '')).status).toBe(204);
    for (const session of sessions) await expectEnded(session);
    expect((await me(app, other.token)).status).toBe(200);
  });

  it('everywhere else leaves the caller where they are', async () => {
    const [mine, ...others] = (await onDevices(3)) as [Session, ...Session[]];
    for (const { accessToken } of [mine, ...others]) expect((await me(app, accessToken)).status).toBe(200);
    for (let n = 0; n < 2; n += 1) {
      expect((await logoutAll(mine.accessToken, '?keepCurrent=true')).status).toBe(204);
    }
    for (const session of others) await expectEnded(session);
    await expectLive(mine);
    theProblem(await logoutAll(mine.accessToken, '?keepCurrent=perhaps'), 400, 'VALIDATION_FAILED');
  });

  it('one device from another', async () => {
    const [mine, lost] = (await onDevices(2)) as [Session, Session];
    expect((await me(app, lost.accessToken)).status).toBe(200);
    const id = sidOf(lost.accessToken);
    expect((await end(mine.accessToken, id)).status).toBe(204);
    await expectEnded(lost);
    theProblem(await end(mine.accessToken, id), 404, 'SESSION_NOT_FOUND');
    expect((await list(mine.accessToken)).body.data.map((one) => one.id)).toEqual([sidOf(mine.accessToken)]);
    await expectLive(mine);
  });

  it('of somebody else is not possible', async () => {
    const [mine] = (await onDevices(1)) as [Session];
    const [theirs] = (await onDevices(1)) as [Session];
    theProblem(await end(mine.accessToken, sidOf(theirs.accessToken)), 404, 'SESSION_NOT_FOUND');
    theProblem(await end(mine.accessToken, 'x'), 400, 'VALIDATION_FAILED');
    expect((await list(mine.accessToken)).body.data).toHaveLength(1);
    await expectLive(theirs);
  });
});

describe('an ended session stays ended', () => {
  const ended = { tried: 0, gotThrough: 0 };
  afterAll(() => {
    process.stdout.write(`tokens of ended sessions: ${ended.tried} tried, ${ended.gotThrough} got through\n`);
  });

  async function attack(token: string, times: number): Promise<void> {
    const answers = await Promise.all(Array.from({ length: times }, () => me(app, token)));
    ended.tried += times;
    ended.gotThrough += answers.filter(({ status }) => status === 200).length;
    for (const answer of answers) theProblem(answer, 401, 'UNAUTHENTICATED');
  }

  it.each([
    ['requests are under way', false],
    ['requests are under way and Redis forgets everything', true],
  ])('although %s while it ends', async (_what, wiped) => {
    for (let round = 0; round < 15; round += 1) {
      const [session] = (await onDevices(1)) as [Session];
      const underWay = Array.from({ length: 10 }, () => me(app, session.accessToken));
      const flushes = wiped ? [emptyRedis(), emptyRedis()] : [];
      const answer = await logout(session.accessToken);
      expect(answer.status).toBe(204);
      await attack(session.accessToken, 10);
      await Promise.all([...underWay, ...flushes]);
      await attack(session.accessToken, 5);
    }
  });

  it('although the database takes its time to commit and Redis is wiped meanwhile', async () => {
    await app.database.query(`
      CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER slow_commit AFTER DELETE ON sessions DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slow_commit()`);
    try {
      const [session] = (await onDevices(1)) as [Session];
      expect((await me(app, session.accessToken)).status).toBe(200);
      const leaving = logout(session.accessToken);
      await until('it is being committed', async () => {
        const { rowCount } = await app.database.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
        );
        return rowCount === 1;
      });
      await emptyRedis();
      // Who asks now must not leave a copy behind: until the commit the row is there to be read.
      const meanwhile = Array.from({ length: 5 }, () => me(app, session.accessToken));
      expect((await leaving).status).toBe(204);
      await attack(session.accessToken, 20);
      await Promise.all(meanwhile);
      await attack(session.accessToken, 5);
    } finally {
      await app.database.query('DROP TRIGGER slow_commit ON sessions; DROP FUNCTION slow_commit()');
    }
  });

  it('although the process dies right after', async () => {
    const [session] = (await onDevices(1)) as [Session];
    expect((await me(app, session.accessToken)).status).toBe(200);
    await logout(session.accessToken);
    await app.process.kill();
    await app.restart();
    await attack(session.accessToken, 5);
  });

  it('although its password was right: a login beside a change of the password opens nothing', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { token, mobile } = await aMember();
      const change_ = change(token, { currentPassword: PASSWORD, newPassword: NEW_PASSWORD });
      const logins = await Promise.all(Array.from({ length: 6 }, () => login(app, mobile, PASSWORD)));
      const { status, body } = await change_;
      expect(status).toBe(200);
      for (const one of logins) if (one.status === 200) await attack(one.body.accessToken, 1);
      expect((await me(app, body.accessToken)).status).toBe(200);
      expect((await list(body.accessToken)).body.data).toHaveLength(1);
    }
  });
});
