import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  changeCode,
  deleteAccount,
  deletionCode,
  deletionRow,
  keysNaming,
  rowsOf,
  untilRemoved,
} from './support/account.js';
import { aCheckout, customerOf, pay, stripeOf, stripeSubscription, untilTier } from './support/billing.js';
import {
  type Accepted,
  aMobile,
  aPrompt,
  aRoom,
  aUser,
  type SignedIn,
  theReply,
} from './support/factories.js';
import { pathsOf, theProblem } from './support/problem.js';
import { login, me, notThe, refresh, type Session, theCode, verify } from './support/sign-in.js';
import { SseClient } from './support/sse.js';
import { everythingStored } from './support/stored.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

const BATCH = 50;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({
    ACCOUNT_DELETION_BATCH: String(BATCH),
    ACCOUNT_DELETION_RETRY_BASE_MS: '300',
  });
});
afterAll(() => app.stop());

/** Asks for a code and deletes with it. */
async function deleted(user: SignedIn): Promise<void> {
  expect((await deleteAccount(app, user, await deletionCode(app, user))).status).toBe(204);
}

/** Puts a conversation into a room that would take long to write over the API. */
const fill = (user: SignedIn, roomId: string, messages: number) =>
  app.database.query(
    `INSERT INTO messages (user_id, id, chatroom_id, role, content, status)
     SELECT $1, gen_random_uuid(), $2, 'user', 'word ' || n, 'completed' FROM generate_series(1, $3) n`,
    [user.id, roomId, messages],
  );

/**
 * What may name a person after all else is gone, with the seconds until it ends by itself: the count of their requests in
 * this minute, the lease of a request that asked for a session which had ended, a code sent to another number.
 */
const ENDING: [RegExp, number][] = [
  [/^requests:\{/, 60],
  [/^session:/, 30],
  [/^otp:\{\+\d+\}:change-number:/, 300],
  // How often a failure was noted: no more than a clock.
  [/^failures(-alike)?:\{/, 3600],
];

const isEnding = ([key, seconds]: [string, number]): boolean =>
  ENDING.some(([pattern, longest]) => pattern.test(key) && seconds >= 0 && seconds <= longest);

async function expectRemoved(user: SignedIn): Promise<void> {
  await untilRemoved(app, user.id);
  const left = Object.entries(await keysNaming(app, user.id));
  expect(left.filter((entry) => !isEnding(entry))).toEqual([]);
}

describe('deleting an account', () => {
  it('removes everything of the person, and nothing of anybody else', async () => {
    const [user, other] = [await aUser(app), await aUser(app)];
    for (const person of [user, other]) {
      const rooms = [await aRoom(app, person), await aRoom(app, person)];
      for (const room of rooms) {
        await theReply(app, person, await aPrompt(app, person, room, 'a word of mine'));
        await fill(person, room.id, 3 * BATCH + 1);
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

    await deleted(user);
    await expectRemoved(user);
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
    await deleted({ ...user, token: body.accessToken });
    for (const { accessToken, refreshToken } of [body, other]) {
      theProblem(await me(app, accessToken), 401, 'UNAUTHENTICATED');
      theProblem(await refresh(app, refreshToken), 401, 'REFRESH_TOKEN_INVALID');
    }
    theProblem(await login(app, user.mobile, 'a passphrase of mine'), 401, 'INVALID_CREDENTIALS');
    theProblem(await verify(app, user.mobile, signIn), 400, 'OTP_INVALID');
  });

  it('frees the number at once, for a new account with nothing in it', async () => {
    const user = await aUser(app);
    await fill(user, (await aRoom(app, user)).id, 20 * BATCH);
    await deleted(user);
    const { status, body } = await verify(app, user.mobile, await theCode(app, user.mobile));
    expect(status).toBe(200);
    expect(body.user.id).not.toBe(user.id);
    const rooms = await app.api.get<{ data: unknown[] }>('/v1/chatrooms', { token: body.accessToken });
    expect(rooms.body.data).toEqual([]);
    await expectRemoved(user);
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
      await expectRemoved(user);
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

/** A person who watches a reply that is being written, and waits for it at the same time. */
async function aWatchedReply(
  user: SignedIn,
): Promise<{ accepted: Accepted; sse: SseClient; poll: Promise<number> }> {
  const room = await aRoom(app, user);
  const accepted = await aPrompt(app, user, room, '[[stall]] a long story');
  const sse = await SseClient.open(`${app.process.url}${accepted.links.reply}/stream`, {
    authorization: `Bearer ${user.token}`,
  });
  await sse.the('delta');
  // Broken off where the process dies.
  const poll = app.api.get(accepted.links.wait, user).then(
    ({ status }) => status,
    () => 0,
  );
  return { accepted, sse, poll };
}

it('a deletion stops a reply that is being written, watched and waited for', async () => {
  const user = await aUser(app);
  const { accepted, sse, poll } = await aWatchedReply(user);
  const aborted = app.gemini.requests.length;
  await deleted(user);
  await sse.end();
  expect(['done', 'error']).toContain(sse.events.at(-1)?.event);
  expect([200, 404]).toContain(await poll);
  await expectRemoved(user);
  // Nobody takes it up again.
  expect(app.gemini.requests).toHaveLength(aborted);
  expect(await everythingStored(app)).not.toContain(accepted.reply.content || 'a long story');
});

describe('a subscription', () => {
  async function aSubscriber(): Promise<{ user: SignedIn; customer: string; subscription: string }> {
    const user = await aUser(app);
    await pay(app, user);
    await untilTier(app, user, 'pro');
    const { id } = await stripeSubscription(app, user);
    return { user, customer: await customerOf(app, user), subscription: id };
  }

  async function expectEnded({
    customer,
    subscription,
  }: {
    customer: string;
    subscription: string;
  }): Promise<void> {
    expect((await stripeOf(app).subscriptions.retrieve(subscription)).status).toBe('canceled');
    expect(await stripeOf(app).customers.retrieve(customer)).toMatchObject({ deleted: true });
  }

  it('is canceled now, its customer deleted, and a page to pay on that is open is closed', async () => {
    const subscriber = await aSubscriber();
    const customer = subscriber.customer;
    const open = await stripeOf(app).checkout.sessions.create({
      mode: 'subscription',
      customer,
      line_items: [{ price: 'price_pro', quantity: 1 }],
      success_url: 'http://localhost/',
    });
    await deleted(subscriber.user);
    await expectRemoved(subscriber.user);
    await expectEnded(subscriber);
    expect((await stripeOf(app).checkout.sessions.retrieve(open.id)).status).toBe('expired');
    // What Stripe has to say about it concerns nobody of ours.
    await until('its events are acted on', async () => {
      const { rowCount } = await app.database.query('SELECT FROM stripe_events WHERE processed_at IS NULL');
      return rowCount === 0;
    });
  });

  it('is canceled as soon as Stripe is back; until then everything waits, and operators can see why', async () => {
    const subscriber = await aSubscriber();
    const { user } = subscriber;
    await fill(user, (await aRoom(app, user)).id, 5);
    // Every try of ours is three of the SDK's, and begins with the list of sessions.
    app.stripe.fail({ status: 500, times: 9, path: /checkout\/sessions/ });
    await deleted(user);
    theProblem(await me(app, user.token), 401, 'UNAUTHENTICATED');
    const row = await until('it has failed twice', async () => {
      const now = await deletionRow(app, user.id);
      return now !== undefined && now.attempts >= 2 && now;
    });
    expect(row).toMatchObject({ step: 'stripe', last_error: 'PAYMENT_PROVIDER_UNAVAILABLE' });
    expect(await rowsOf(app, user.id)).toMatchObject({ users: 1, subscriptions: 1, messages: 5 });
    const pauses = app.process.logs.filter(({ msg }) =>
      String(msg).startsWith('An account could not be deleted'),
    );
    expect(pauses.length).toBeGreaterThanOrEqual(2);
    await expectRemoved(user);
    await expectEnded(subscriber);
  });

  it('that is gone already, with its customer, stops nothing', async () => {
    const subscriber = await aSubscriber();
    await stripeOf(app).customers.del(subscriber.customer);
    await deleted(subscriber.user);
    await expectRemoved(subscriber.user);
  });

  it('is canceled although the process dies while Stripe does not answer', async () => {
    const subscriber = await aSubscriber();
    const silent = await aSilentServer();
    await app.process.kill();
    await app.restart({ STRIPE_API_BASE: silent.url });
    await deleted(subscriber.user);
    await until('Stripe is asked', () => silent.asked());
    await app.process.kill();
    expect(await rowsOf(app, subscriber.user.id)).toMatchObject({ subscriptions: 1, account_deletions: 1 });
    silent.close();
    await app.restart();
    await expectRemoved(subscriber.user);
    await expectEnded(subscriber);
  });

  it('that is bought while the account is being deleted does not outlive it', async () => {
    const { user } = await aSubscriber();
    const late = await stripeOf(app).customers.create({});
    // As a checkout that was under way leaves it: known here only after what there was has ended.
    await app.database.query(`
      CREATE TABLE late AS SELECT '${user.id}'::uuid AS person, '${late.id}'::text AS customer;
      CREATE FUNCTION link_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO subscriptions (user_id, stripe_customer_id) SELECT person, customer FROM late;
        DELETE FROM late; RETURN NULL; END $$;
      CREATE TRIGGER link_late AFTER DELETE ON chatrooms FOR EACH STATEMENT EXECUTE FUNCTION link_late()`);
    try {
      await aRoom(app, user);
      await deleted(user);
      await expectRemoved(user);
    } finally {
      await app.database.query(
        'DROP TRIGGER link_late ON chatrooms; DROP FUNCTION link_late(); DROP TABLE late',
      );
    }
    expect(await stripeOf(app).customers.retrieve(late.id)).toMatchObject({ deleted: true });
  });
});

/** Takes connections and never answers. */
async function aSilentServer(): Promise<{ url: string; asked: () => boolean; close: () => void }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => open.size > 0,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

describe('after kill -9', () => {
  it.each([[2], [10], [30]])('after %i batches of a big room the rest is removed', async (batches) => {
    const user = await aUser(app);
    const room = await aRoom(app, user);
    const all = 80 * BATCH;
    await fill(user, room.id, all);
    // Every batch waits a little, so that there is something to interrupt.
    await app.database.query(`
      CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.03); RETURN NULL; END';
      CREATE TRIGGER take_time AFTER DELETE ON messages FOR EACH STATEMENT EXECUTE FUNCTION take_time()`);
    try {
      await deleted(user);
      await until(
        'some are gone',
        async () => ((await rowsOf(app, user.id)).messages ?? 0) <= all - batches * BATCH,
      );
      await app.process.kill();
    } finally {
      await app.database.query('DROP TRIGGER take_time ON messages; DROP FUNCTION take_time()');
    }
    expect((await rowsOf(app, user.id)).messages).toBeGreaterThan(0);
    expect(await deletionRow(app, user.id)).toMatchObject({ step: 'rows' });
    await app.restart();
    await expectRemoved(user);
  });

  it('right after the answer, and with Redis emptied, everything is removed', async () => {
    const user = await aUser(app);
    await aWatchedReply(user);
    await deleted(user);
    await app.process.kill();
    const redis = openRedis(app.redis.url);
    await redis.flushall();
    redis.disconnect();
    await app.restart();
    await expectRemoved(user);
  });
});

it('a stop does not wait for a big account, and the next process goes on', async () => {
  const user = await aUser(app);
  await fill(user, (await aRoom(app, user)).id, 80 * BATCH);
  await deleted(user);
  await until('some are gone', async () => ((await rowsOf(app, user.id)).messages ?? 0) < 80 * BATCH);
  expect(await app.process.stop()).toBe(0);
  await app.restart();
  await expectRemoved(user);
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
