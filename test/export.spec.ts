import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  aPrompt,
  aRoom,
  aUser,
  type Message,
  type Room,
  type SignedIn,
  theReply,
} from './support/factories.js';
import { theProblem } from './support/problem.js';
import { everythingStored } from './support/stored.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

type Line = { type: string; counts?: Record<string, number> } & Record<string, unknown>;

const EXPORT = '/v1/users/me/export';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const linesOf = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

async function exportOf(user: SignedIn): Promise<Line[]> {
  const { status, body } = await app.api.get<string>(EXPORT, user);
  expect(status).toBe(200);
  expect(body.endsWith('\n')).toBe(true);
  return linesOf(body);
}

/** Messages of 1 kB each or more, straight into the database. */
async function messages(user: SignedIn, room: Room, count: number, characters = 1000): Promise<void> {
  await app.database.query(
    `INSERT INTO messages (user_id, id, chatroom_id, role, content, status)
     SELECT $1, gen_random_uuid(), $2, 'user', rpad(n || ' ', $4, 'word '), 'completed' FROM generate_series(1, $3::int) n`,
    [user.id, room.id, count, characters],
  );
}

/** Begins an export and reads no more than its first piece. */
function beginExport(user: SignedIn) {
  return new Promise<{ rest: () => Promise<string>; hangUp: () => void }>((resolve, reject) => {
    const sent = request(app.api.url + EXPORT, { headers: { authorization: `Bearer ${user.token}` } });
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.once('data', (first: Buffer) => {
        response.pause();
        resolve({
          hangUp: () => sent.destroy(),
          rest: () =>
            new Promise((done, fail) => {
              const received = [first];
              response.on('data', (piece: Buffer) => received.push(piece));
              response.on('end', () => {
                done(Buffer.concat(received).toString());
              });
              response.on('error', fail);
              response.resume();
            }),
        });
      });
    });
    sent.end();
  });
}

const messageReads = async (): Promise<number> => {
  const { rows } = await app.database.query<{ n: string }>(
    `SELECT idx_tup_fetch + seq_tup_read AS n FROM pg_stat_user_tables WHERE relname = 'messages'`,
  );
  return Number(rows[0]?.n);
};

/** Reads of messages so far, once there are no more of them: Postgres counts them a second late. */
async function untilNothingIsRead(): Promise<number> {
  let before = -1;
  let since = Date.now();
  return until('no export reads on', async () => {
    const now = await messageReads();
    if (now !== before) since = Date.now();
    before = now;
    return Date.now() - since > 2000 && now;
  });
}

it('has everything of the person’s, as the other routes answer it, and nothing secret', async () => {
  const user = await aUser(app);
  await app.api.post('/v1/auth/change-password', { newPassword: 'a long passphrase' }, user);
  const { body: session } = await app.api.post<{ accessToken: string }>('/v1/auth/login', {
    mobile: user.mobile,
    password: 'a long passphrase',
  });
  const me = { ...user, token: session.accessToken };
  const room = await aRoom(app, me);
  const sent = await aPrompt(app, me, room);
  const reply = await theReply(app, me, sent);
  const other = await aUser(app);
  await aRoom(app, other, { title: 'of somebody else' });
  await app.api.post('/v1/billing/checkout', undefined, me);

  const { headers } = await app.api.get(EXPORT, me);
  expect(headers.get('content-type')).toBe('application/x-ndjson');
  expect(headers.get('content-disposition')).toMatch(
    /^attachment; filename="chat-export-\d{4}-\d\d-\d\d\.ndjson"$/,
  );
  const get = async (path: string): Promise<object> => (await app.api.get<object>(path, me)).body;
  const listed = async (path: string): Promise<object[]> => ((await get(path)) as { data: object[] }).data;
  const devices = (await listed('/v1/auth/sessions')).reverse();
  const events = (await listed('/v1/auth/events')).reverse();
  expect(await exportOf(me)).toEqual([
    { type: 'user', ...(await get('/v1/users/me')) },
    { type: 'subscription', ...(await get('/v1/billing/subscription')) },
    ...devices.map((device) => ({ type: 'session', ...device, current: undefined })),
    ...events.map((event) => ({ type: 'auth_event', ...event })),
    { type: 'chatroom', ...(await get(`/v1/chatrooms/${room.id}`)) },
    { type: 'message', ...sent.prompt },
    { type: 'message', ...reply },
    { type: 'charge', id: sent.prompt.id, chargedAt: expect.any(String) },
    {
      type: 'end',
      counts: {
        user: 1,
        subscription: 1,
        session: devices.length,
        auth_event: events.length,
        chatroom: 1,
        message: 2,
        charge: 1,
      },
    },
  ]);
  const { body: text } = await app.api.get<string>(EXPORT, me);
  expect(await everythingStored(app)).toContain('$argon2id$');
  for (const secret of ['argon2', 'cus_', other.id, 'somebody else']) expect(text).not.toContain(secret);
});

it('of somebody new is the account, and how they came in', async () => {
  const user = await aUser(app);
  expect(await exportOf(user)).toEqual([
    expect.objectContaining({ type: 'user', id: user.id }),
    expect.objectContaining({ type: 'session', ip: '127.0.0.1' }),
    expect.objectContaining({ type: 'auth_event', kind: 'signed_up' }),
    expect.objectContaining({ type: 'auth_event', kind: 'signed_in' }),
    {
      type: 'end',
      counts: { user: 1, subscription: 0, session: 1, auth_event: 2, chatroom: 0, message: 0, charge: 0 },
    },
  ]);
});

it('needs a token, and a token whose account is there', async () => {
  theProblem(await app.api.get(EXPORT), 401, 'UNAUTHENTICATED');
});

it('brings each of 20,000 messages exactly once, in the order of their ids', async () => {
  const user = await aUser(app);
  const [one, two] = [await aRoom(app, user), await aRoom(app, user)];
  await messages(user, one, 10_000);
  await messages(user, two, 10_000);
  const lines = await exportOf(user);
  const ids = lines.filter(({ type }) => type === 'message').map((line) => (line as unknown as Message).id);
  expect(new Set(ids).size).toBe(20_000);
  expect(ids).toEqual([...ids].sort());
  expect(lines.at(-1)).toMatchObject({ type: 'end', counts: { chatroom: 2, message: 20_000 } });
});

it('reads no further than the client does, holds no connection meanwhile, and stops when it hangs up', async () => {
  const user = await aUser(app);
  await messages(user, await aRoom(app, user), 5000, 4000);
  // Without it a batch may be found by a scan of the table, whose rows would count as read by the exports.
  await app.database.query('ANALYZE messages');
  const before = await untilNothingIsRead();
  const exports = await Promise.all(Array.from({ length: 15 }, () => beginExport(user)));
  const read = await untilNothingIsRead();
  expect(read - before).toBeLessThan(15 * 5000);
  // More exports than database connections, and everybody else is served.
  expect((await app.api.get('/v1/users/me', user)).status).toBe(200);
  const { rows } = await app.database.query<{ state: string }>(
    `SELECT state FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
  );
  expect(rows).toEqual([]);
  const [first, ...others] = exports;
  for (const { hangUp } of others) hangUp();
  // What was under way may come to its end; nothing goes on.
  expect((await untilNothingIsRead()) - read).toBeLessThan(15 * 500);
  const lines = linesOf((await first?.rest()) ?? '');
  expect(lines.at(-1)).toMatchObject({ type: 'end', counts: { message: 5000 } });
});

it('breaks off without its last line when something fails, and is in the log', async () => {
  const user = await aUser(app);
  await messages(user, await aRoom(app, user), 5000, 4000);
  const begun = await beginExport(user);
  await app.database.query('ALTER TABLE messages RENAME TO messages_gone');
  try {
    await expect(begun.rest()).rejects.toThrow(/aborted|socket hang up|ECONNRESET/);
  } finally {
    await app.database.query('ALTER TABLE messages_gone RENAME TO messages');
  }
  const line = await until('it is in the log', () =>
    app.process.logs.find(({ msg }) => msg === 'An export broke off'),
  );
  expect(line).toMatchObject({ level: 'error', err: { code: '42P01' } });
  expect((await exportOf(await aUser(app))).at(-1)).toMatchObject({ type: 'end' });
});
