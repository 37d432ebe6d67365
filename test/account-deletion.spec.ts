import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { changeCode, deleteAccount, deletionCode, rowsOf, untilRemoved } from './support/account.js';
import {
  aWatchedReply,
  BATCH,
  deleted,
  DELETION_SETTINGS,
  expectRemoved,
  fill,
  isEnding,
} from './support/account-deletion.js';
import { aCheckout } from './support/billing.js';
import { aMobile, aPrompt, aRoom, aUser, theReply } from './support/factories.js';
import { pathsOf, theProblem } from './support/problem.js';
import { login, me, notThe, refresh, type Session, theCode, verify } from './support/sign-in.js';
import { everythingStored } from './support/stored.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp(DELETION_SETTINGS);
});
afterAll(() => app.stop());

describe('deleting an account', () => {
  it('removes everything of the person, and nothing of anybody else', async () => {
    const [user, other] = [await aUser(app), await aUser(app)];
    for (const person of [user, other]) {
      const rooms = [await aRoom(app, person), await aRoom(app, person)];
      for (const room of rooms) {
        await theReply(app, person, await aPrompt(app, person, room, 'a word of mine'));
        await fill(app, person, room.id, 3 * BATCH + 1);
      }
      await app.api.post(
        `/v1/chatrooms/${rooms[0]?.id ?? ''}/messages`,
        { content: 'keyed' },
        { token: person.token, headers: { 'idempotency-key': 'k' } },
      );
      await app.api.get('/v1/chatrooms', person);
      await aCheckout(app, person);
    }
    await changeCode(app, user, aMobile());
    await until('all is answered', async () => {
      const { rowCount } = await app.database.query(
        'SELECT FROM messages WHERE finished_at IS NULL AND role = $1',
        ['model'],
      );
      return rowCount === 0;
    });
    const before = await rowsOf(app, user.id);
    expect(Object.keys(before).sort()).toEqual([
      'auth_events',
      'chatrooms',
      'idempotency_keys',
      'messages',
      'prompt_charges',
      'sessions',
      'subscriptions',
      'users',
    ]);
    const others = await rowsOf(app, other.id);

    await deleted(app, user);
    await expectRemoved(app, user);
    expect(await rowsOf(app, other.id)).toEqual(others);
    // Not in a value either: a job, a log of the queue's.
    const lines = (await everythingStored(app)).split('\n').filter((line) => line.includes(user.id));
    expect(lines.filter((line) => !isEnding([line, 0]))).toEqual([]);
    expect((await me(app, other.token)).status).toBe(200);
  });

  it('signs out everywhere at once and lets nobody in again', async () => {
    const user = await aUser(app);
    const { body } = await app.api.post<Session>(
      '/v1/auth/change-password',
      { newPassword: 'a passphrase of mine' },
      user,
    );
    const other = (await verify(app, user.mobile, await theCode(app, user.mobile))).body;
    const signIn = await theCode(app, user.mobile);
    for (const { accessToken } of [body, other]) expect((await me(app, accessToken)).status).toBe(200);
    await deleted(app, { ...user, token: body.accessToken });
    for (const { accessToken, refreshToken } of [body, other]) {
      theProblem(await me(app, accessToken), 401, 'UNAUTHENTICATED');
      theProblem(await refresh(app, refreshToken), 401, 'REFRESH_TOKEN_INVALID');
    }
    theProblem(await login(app, user.mobile, 'a passphrase of mine'), 401, 'INVALID_CREDENTIALS');
    theProblem(await verify(app, user.mobile, signIn), 400, 'OTP_INVALID');
  });

  it('frees the number at once, for a new account with nothing in it', async () => {
    const user = await aUser(app);
    await fill(app, user, (await aRoom(app, user)).id, 20 * BATCH);
    await deleted(app, user);
    const { status, body } = await verify(app, user.mobile, await theCode(app, user.mobile));
    expect(status).toBe(200);
    expect(body.user.id).not.toBe(user.id);
    const rooms = await app.api.get<{ data: unknown[] }>('/v1/chatrooms', { token: body.accessToken });
    expect(rooms.body.data).toEqual([]);
    await expectRemoved(app, user);
    expect((await me(app, body.accessToken)).status).toBe(200);
  });

  it('is not undone or done twice by sending it again, also at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const user = await aUser(app);
      const otp = await deletionCode(app, user);
      const answers = await Promise.all(Array.from({ length: 4 }, () => deleteAccount(app, user, otp)));
      expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
      for (const { status } of answers) expect([204, 400, 401]).toContain(status);
      theProblem(await deleteAccount(app, user, otp), 401, 'UNAUTHENTICATED');
      await expectRemoved(app, user);
    }
  });
});

describe('the code', () => {
  it.each([
    ['none', undefined],
    ['letters', 'abcdef'],
    ['too long', '1234567'],
  ])('is asked for: %s is refused', async (_what, otp) => {
    const answer = await deleteAccount(app, await aUser(app), otp);
    expect(pathsOf(theProblem(answer, 400, 'VALIDATION_FAILED'))).toEqual(['One-Time-Code']);
  });

  it('must be the right one, for this and for this person; others change nothing', async () => {
    const [user, other] = [await aUser(app), await aUser(app)];
    const otp = await deletionCode(app, user);
    const theirs = await deletionCode(app, other);
    const elsewhere = [
      notThe(otp),
      theirs,
      await theCode(app, user.mobile),
      await theCode(app, user.mobile, 'forgot-password'),
    ];
    for (const wrong of elsewhere.filter((code) => code !== otp)) {
      theProblem(await deleteAccount(app, user, wrong), 400, 'OTP_INVALID');
    }
    expect((await me(app, user.token)).status).toBe(200);
    await until('the failure is noted', async () => {
      const { body } = await app.api.get<{ data: { kind: string }[] }>('/v1/auth/events', user);
      return body.data[0]?.kind === 'deletion_failed';
    });
    theProblem(await verify(app, user.mobile, otp), 400, 'OTP_INVALID');
    expect((await deleteAccount(app, user, otp)).status).toBe(204);
    expect((await me(app, other.token)).status).toBe(200);
  });
});

it('a deletion stops a reply that is being written, watched and waited for', async () => {
  const user = await aUser(app);
  const { accepted, sse, poll } = await aWatchedReply(app, user);
  const aborted = app.gemini.requests.length;
  await deleted(app, user);
  await sse.end();
  expect(['done', 'error']).toContain(sse.events.at(-1)?.event);
  expect([200, 404]).toContain(await poll);
  await expectRemoved(app, user);
  // Nobody takes it up again.
  expect(app.gemini.requests).toHaveLength(aborted);
  expect(await everythingStored(app)).not.toContain(accepted.reply.content || 'a long story');
});

it('requests that are under way while the account is deleted write nothing that stays', async () => {
  for (let round = 0; round < 5; round += 1) {
    const user = await aUser(app, { tier: 'pro' });
    const room = await aRoom(app, user);
    const otp = await deletionCode(app, user);
    const send = () => app.api.post(`/v1/chatrooms/${room.id}/messages`, { content: 'Hello' }, user);
    const underWay = Array.from({ length: 12 }, (_, n) =>
      n % 3 ? send() : app.api.post('/v1/chatrooms', {}, user),
    );
    const answer = await deleteAccount(app, user, otp);
    expect(answer.status).toBe(204);
    for (const { status } of await Promise.all(underWay)) expect([201, 202, 401, 404]).toContain(status);
    await untilRemoved(app, user.id);
  }
});
