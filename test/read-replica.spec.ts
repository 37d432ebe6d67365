import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { type EmbeddedPostgres, type PostgresOptions, startPostgres } from '../local/services/postgres.js';
import { aPrompt, aRoom, aUser, type Room, type SignedIn, theReply } from './support/factories.js';
import { startReplica, untilCaughtUp } from './support/postgres-replica.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

let app: TestApp;
let primary: EmbeddedPostgres;
let replica: EmbeddedPostgres;
let replicaOptions: PostgresOptions;
let pools: Record<'primary' | 'replica', pg.Pool>;
let directory: string;
let user: SignedIn;
let room: Room;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'chat-replica-'));
  const options = { dataDir: join(directory, 'primary'), persistent: true, fast: true, database: 'chat' };
  primary = await startPostgres(options);
  await promisify(execFile)(process.execPath, ['dist/src/database/migrate.js'], {
    env: { ...process.env, DATABASE_URL: primary.url },
  });
  replicaOptions = { ...options, dataDir: join(directory, 'replica') };
  replica = await startReplica(primary, options, replicaOptions.dataDir);
  pools = { primary: aPool(primary.url), replica: aPool(replica.url) };
  app = await startTestApp({
    DATABASE_URL: primary.url,
    DATABASE_REPLICA_URL: replica.url,
    // Longer than the test that has it lag.
    DATABASE_REPLICA_LAG_MS: '40000',
  });
  user = await aUser(app);
  room = await aRoom(app, user);
}, 120_000);
afterAll(async () => {
  await app.stop();
  await Promise.all(Object.values(pools).map((pool) => pool.end()));
  await replica.stop();
  await primary.stop();
  await rm(directory, { recursive: true, force: true });
});

function aPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 2 });
  // Its connections end with the server.
  pool.on('error', () => undefined);
  return pool;
}

const get = async <T>(path: string): Promise<T> => {
  const { status, body } = await app.api.get<T>(path, user);
  expect({ status, path }).toEqual({ status: 200, path });
  return body;
};
const searchFinds = async (word: string): Promise<boolean> =>
  (await get<{ data: unknown[] }>(`/v1/messages/search?q=${word}`)).data.length > 0;
const exportHas = async (word: string): Promise<boolean> =>
  (await get<string>('/v1/users/me/export')).includes(word);
const times = (what: RegExp) => app.process.logs.filter(({ msg }) => what.test(String(msg))).length;
const logged = (what: RegExp) => times(what) > 0;
const REPLICA_READ = /are read from the replica/;
const PRIMARY_READ = /the primary is read in its place/;

async function aWord(word: string): Promise<string> {
  await theReply(app, user, await aPrompt(app, user, room, word));
  return word;
}

/** What the application has open on a server. */
const connectionsOn = async (pool: pg.Pool): Promise<number> => {
  const { rows } = await pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  );
  return rows[0]?.n ?? 0;
};

it('no connection to the replica is made before somebody searches or exports', async () => {
  await aWord('aardvark');
  expect(await connectionsOn(pools.replica)).toBe(0);
  expect(await searchFinds('aardvark')).toBe(true);
  await until('the replica is connected', async () => (await connectionsOn(pools.replica)) > 0);
});

it('search and export are read from the replica; what people have just written is read from the primary', async () => {
  await until('the replica is near', () => logged(REPLICA_READ));
  await pools.replica.query('SELECT pg_wal_replay_pause()');
  await aWord('capybara');
  expect(await searchFinds('capybara')).toBe(false);
  expect(await exportHas('capybara')).toBe(false);
  const list = await get<{ data: { content: string }[] }>(`/v1/chatrooms/${room.id}/messages`);
  expect(JSON.stringify(list.data[0])).toContain('capybara');
  await pools.replica.query('SELECT pg_wal_replay_resume()');
  await untilCaughtUp(pools.primary, pools.replica);
  expect(await searchFinds('capybara')).toBe(true);
  expect(await exportHas('capybara')).toBe(true);
});

it('a replica that is further behind than it may be is not read', async () => {
  await app.process.stop();
  await app.restart({ DATABASE_REPLICA_LAG_MS: '500' });
  await searchFinds('capybara');
  await until('the replica is near', () => logged(REPLICA_READ));
  await pools.replica.query('SELECT pg_wal_replay_pause()');
  await aWord('wombat');
  await until('it is too far behind', () => logged(PRIMARY_READ));
  expect(await searchFinds('wombat')).toBe(true);
  await pools.replica.query('SELECT pg_wal_replay_resume()');
  await until('it is read again', () => times(REPLICA_READ) === 2);
});

it('without the replica the primary is read, and nobody notices', async () => {
  const { port } = replica;
  await replica.stop();
  expect(await searchFinds('wombat')).toBe(true);
  expect(await exportHas('wombat')).toBe(true);
  replica = await startPostgres({ ...replicaOptions, port });
  await until('it is read again', () => times(REPLICA_READ) === 3);
  expect(await searchFinds('wombat')).toBe(true);
});
