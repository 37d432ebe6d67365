import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { type EmbeddedPostgres, type PostgresOptions, startPostgres } from '../local/services/postgres.js';
import { newId } from '../src/common/id.js';
import type { Problem } from './support/api.js';
import { type Accepted, aPrompt, aRoom, aUser, type SignedIn, theReply } from './support/factories.js';
import { expectAnsweredOnce, finalReplyRow, replyRow } from './support/outcomes.js';
import { frontOf, startOwnRedis } from './support/engines.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

/** One application on a Redis and a Postgres of its own, which the tests take away from it. */
let app: TestApp;
let redis: Awaited<ReturnType<typeof startOwnRedis>>;
let postgres: EmbeddedPostgres;
let front: Awaited<ReturnType<typeof frontOf>>;
let postgresOptions: PostgresOptions;
let database: pg.Pool;
let directory: string;
let user: SignedIn;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'chat-outage-'));
  postgresOptions = {
    dataDir: join(directory, 'postgres'),
    persistent: true,
    fast: true,
    database: 'outage',
  };
  [postgres, redis] = await Promise.all([startPostgres(postgresOptions), startOwnRedis()]);
  await promisify(execFile)(process.execPath, ['dist/src/database/migrate.js'], {
    env: { ...process.env, DATABASE_URL: postgres.url },
  });
  front = await frontOf(postgres.url);
  database = new pg.Pool({ connectionString: postgres.url, max: 2 });
  // Its connections end with the server.
  database.on('error', () => undefined);
  app = await startTestApp({
    DATABASE_URL: front.url,
    // Not of this Postgres.
    DATABASE_REPLICA_URL: '',
    REDIS_URL: redis.url,
    BASIC_DAILY_PROMPTS: '100',
  });
  user = await aUser(app);
}, 120_000);

afterAll(async () => {
  await app.stop();
  await database.end();
  await Promise.all([front.stop(), postgres.stop(), redis.kill()]);
  await rm(directory, { recursive: true, force: true });
});

const promptOf = async (content: string) => aPrompt(app, user, await aRoom(app, user), content);

/** One reply that is being written, and one that waits for its turn in the same room. */
async function twoOwed(name: string, slowMs: number): Promise<Accepted[]> {
  const room = await aRoom(app, user);
  const owed = [
    await aPrompt(app, user, room, `[[slow ${slowMs}]] ${name}`),
    await aPrompt(app, user, room, `${name}, next`),
  ];
  await until('the model is asked', () => app.gemini.openRequests > 0);
  return owed;
}

async function expectAllAnsweredOnce(owed: Accepted[]): Promise<void> {
  for (const accepted of owed) await expectAnsweredOnce(database, accepted);
  await until('the model is done', () => app.gemini.openRequests === 0);
  const rows = await Promise.all(owed.map((accepted) => replyRow(database, accepted)));
  // A reply that was finished a second time would have another time now.
  await expectAnsweredOnce(database, await promptOf('afterwards'));
  expect(await Promise.all(owed.map((accepted) => replyRow(database, accepted)))).toEqual(rows);
  const { rows: charges } = await database.query('SELECT id FROM prompt_charges WHERE user_id = $1', [
    user.id,
  ]);
  const usage = await app.api.get<{ used: number }>('/v1/users/me/usage', user);
  expect(usage.body.used).toBe(charges.length);
}

/** What people are told meanwhile: a problem document that says when to come back. */
async function expectUnavailable(send: () => Promise<{ status: number; headers: Headers; body: unknown }>) {
  const answer = await until('the outage shows', async () => {
    const got = await send();
    return got.status >= 500 && got;
  });
  expect(answer).toMatchObject({ status: 503, body: { code: 'SERVICE_UNAVAILABLE' } });
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(JSON.stringify(answer.body)).not.toMatch(/ECONN|127\.0\.0\.1|redis|postgres/i);
}

const listOf = () => app.api.get<Problem>('/v1/chatrooms', user);

it('Redis loses its data with replies waiting and in flight: each comes, once', async () => {
  const owed = await twoOwed('wiped', 700);
  const client = openRedis(redis.url);
  await client.flushall();
  client.disconnect();
  await expectAllAnsweredOnce(owed);
});

it('Redis dies with replies waiting and in flight, and comes back empty: each comes, once', async () => {
  const owed = await twoOwed('killed', 400);
  await redis.kill();
  const room = { id: owed[0]?.prompt.chatroomId ?? '' };
  await expectUnavailable(() =>
    app.api.post(`/v1/chatrooms/${room.id}/messages`, { content: 'Hello' }, user),
  );
  // What the model wrote meanwhile is not lost with Redis.
  expect(await finalReplyRow(database, owed[0] as Accepted)).toMatchObject({
    status: 'completed',
    attempt: 1,
  });
  await redis.start();
  await until('it serves again', async () => (await listOf()).status === 200);
  await expectAllAnsweredOnce(owed);
});

it('Postgres restarts under replies waiting and in flight: people are told, each reply comes, once', async () => {
  const owed = await twoOwed('restarted', 600);
  const { port } = postgres;
  await postgres.stop();
  await expectUnavailable(() => app.api.get(owed[0]?.links.reply ?? '', user));
  await until('the model has answered nobody', () => app.gemini.openRequests === 0);
  postgres = await startPostgres({ ...postgresOptions, port });
  await until('it serves again', async () => (await listOf()).status === 200);
  await expectAllAnsweredOnce(owed);
});

it('a reply whose job was never queued is found and answered', async () => {
  const { prompt } = await promptOf('one to copy');
  const [promptId, replyId] = [newId(), newId()];
  await database.query(
    `WITH prompt AS (
       INSERT INTO messages (user_id, id, chatroom_id, role, content, status)
       VALUES ($1, $3, $2, 'user', 'never queued', 'completed')
     ), charge AS (INSERT INTO prompt_charges (user_id, id) VALUES ($1, $3))
     INSERT INTO messages (user_id, id, chatroom_id, role, content, status, prompt_id, charge_id)
     VALUES ($1, $4, $2, 'model', '', 'pending', $3, $3)`,
    [user.id, prompt.chatroomId, promptId, replyId],
  );
  const links = {
    reply: '',
    messages: '',
    wait: `/v1/chatrooms/${prompt.chatroomId}/messages/${replyId}?wait=20`,
  };
  const accepted = { prompt: { ...prompt, id: promptId }, reply: prompt, links };
  expect(await theReply(app, user, accepted)).toMatchObject({ status: 'completed' });
  await expectAnsweredOnce(database, accepted);
});

it('a stop ends even while Redis is gone, soon after its grace', async () => {
  await app.process.stop();
  await app.restart({ SHUTDOWN_GRACE_MS: '100' });
  await redis.kill();
  let code: number | null | undefined;
  void app.process.stop().then((exit) => (code = exit));
  await until('the process has ended', () => code !== undefined, 15_000);
  await redis.start();
  await app.restart();
});
