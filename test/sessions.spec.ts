import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aUser } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { listSessions, logout, onDevices } from './support/sessions.js';
import { me, refresh, type Session, sidOf, theCode } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const end = (token: string, id: string) => app.api.delete(`/v1/auth/sessions/${id}`, { token });
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
    const { status, body: page } = await listSessions(app, body.accessToken);
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
    const [session] = (await onDevices(app, 1)) as [Session];
    const before = (await listSessions(app, session.accessToken)).body.data[0];
    await me(app, session.accessToken);
    expect((await listSessions(app, session.accessToken)).body.data[0]).toEqual(before);
    await app.api.post(
      '/v1/auth/refresh',
      { refreshToken: session.refreshToken },
      { headers: { 'user-agent': CHROME } },
    );
    const after = (await listSessions(app, session.accessToken)).body.data[0];
    expect(after).toMatchObject({ device: 'Chrome on Windows', createdAt: before?.createdAt });
    expect(Date.parse(after?.lastUsedAt ?? '')).toBeGreaterThan(Date.parse(before?.lastUsedAt ?? ''));
  });

  it('bounds what a client says of itself', async () => {
    const { mobile } = await aUser(app);
    const otp = await theCode(app, mobile);
    const headers = { 'user-agent': `\u00e9<script>${'x'.repeat(5000)}` };
    const { body } = await app.api.post<Session>('/v1/auth/verify-otp', { mobile, otp }, { headers });
    const [mine] = (await listSessions(app, body.accessToken)).body.data;
    expect(mine?.userAgent).toHaveLength(255);
    expect(mine?.device?.length).toBeLessThan(50);
  });

  it('comes in pages, each session once', async () => {
    const sessions = await onDevices(app, 5);
    const token = sessions[0]?.accessToken ?? '';
    const ids: string[] = [];
    let query = '?limit=2';
    for (;;) {
      const { body } = await listSessions(app, token, query);
      ids.push(...body.data.map(({ id }) => id));
      if (body.nextCursor === null) break;
      query = `?limit=2&cursor=${body.nextCursor}`;
    }
    expect(ids).toEqual(sessions.map(({ accessToken }) => sidOf(accessToken)).reverse());
    const other = await aUser(app);
    const { nextCursor } = (await listSessions(app, token, '?limit=2')).body;
    theProblem(await listSessions(app, other.token, `?cursor=${nextCursor ?? ''}`), 400, 'INVALID_CURSOR');
  });
});

describe('signing out', () => {
  it('ends this session at once and leaves the others', async () => {
    const [one, two] = (await onDevices(app, 2)) as [Session, Session];
    expect((await me(app, one.accessToken)).status).toBe(200);
    expect((await logout(app, one.accessToken)).status).toBe(204);
    await expectEnded(one);
    theProblem(await logout(app, one.accessToken), 401, 'UNAUTHENTICATED');
    await expectLive(two);
  });

  it('can be sent twice at once', async () => {
    const [one] = (await onDevices(app, 1)) as [Session];
    const answers = await Promise.all(Array.from({ length: 5 }, () => logout(app, one.accessToken)));
    for (const { status } of answers) expect([204, 401]).toContain(status);
    expect(answers.some(({ status }) => status === 204)).toBe(true);
    await expectEnded(one);
  });

  it('everywhere ends every session, of this person alone', async () => {
    const sessions = await onDevices(app, 3);
    const other = await aUser(app);
    for (const { accessToken } of sessions) expect((await me(app, accessToken)).status).toBe(200);
    expect((await logoutAll(sessions[0]?.accessToken ?? '')).status).toBe(204);
    for (const session of sessions) await expectEnded(session);
    expect((await me(app, other.token)).status).toBe(200);
  });

  it('everywhere else leaves the caller where they are', async () => {
    const [mine, ...others] = (await onDevices(app, 3)) as [Session, ...Session[]];
    for (const { accessToken } of [mine, ...others]) expect((await me(app, accessToken)).status).toBe(200);
    for (let n = 0; n < 2; n += 1) {
      expect((await logoutAll(mine.accessToken, '?keepCurrent=true')).status).toBe(204);
    }
    for (const session of others) await expectEnded(session);
    await expectLive(mine);
    theProblem(await logoutAll(mine.accessToken, '?keepCurrent=perhaps'), 400, 'VALIDATION_FAILED');
  });

  it('one device from another', async () => {
    const [mine, lost] = (await onDevices(app, 2)) as [Session, Session];
    expect((await me(app, lost.accessToken)).status).toBe(200);
    const id = sidOf(lost.accessToken);
    expect((await end(mine.accessToken, id)).status).toBe(204);
    await expectEnded(lost);
    theProblem(await end(mine.accessToken, id), 404, 'SESSION_NOT_FOUND');
    expect((await listSessions(app, mine.accessToken)).body.data.map((one) => one.id)).toEqual([
      sidOf(mine.accessToken),
    ]);
    await expectLive(mine);
  });

  it('of somebody else is not possible', async () => {
    const [mine] = (await onDevices(app, 1)) as [Session];
    const [theirs] = (await onDevices(app, 1)) as [Session];
    theProblem(await end(mine.accessToken, sidOf(theirs.accessToken)), 404, 'SESSION_NOT_FOUND');
    theProblem(await end(mine.accessToken, 'x'), 400, 'VALIDATION_FAILED');
    expect((await listSessions(app, mine.accessToken)).body.data).toHaveLength(1);
    await expectLive(theirs);
  });
});
