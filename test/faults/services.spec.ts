import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { type EmbeddedPostgres, type PostgresOptions, startPostgres } from '../../local/services/postgres.js';
import type { CuttableLine } from '../support/cuttable-line.js';
import { frontOf, layRedisLine, startOwnRedis } from '../support/engines.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';
import { expectUsedIsAnswered, type Scene, theAftermath } from './support/aftermath.js';
import { aCrowd, aProcess, CROWD_SETTINGS, type Place, type Sent, sendAll, sum } from './support/crowd.js';
import { SHIFTED_CLOCK } from './support/shifted-clock.js';
import { untilShown, watch } from './support/watching.js';

const REDIS_AWAY_MS = 10_000;
/** Between two prompts that arrive meanwhile. */
const APART_MS = 40;

/** An application on a Redis and a Postgres of its own, which are taken away from it under load. */
let app: TestApp;
let scene: Scene;
let redis: Awaited<ReturnType<typeof startOwnRedis>>;
let line: CuttableLine;
let postgres: EmbeddedPostgres;
let front: Awaited<ReturnType<typeof frontOf>>;
let postgresOptions: PostgresOptions;
let directory: string;
let crowd: Place[];
const before: Sent[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'chat-faults-'));
  postgresOptions = {
    dataDir: join(directory, 'postgres'),
    persistent: true,
    fast: true,
    database: 'faults',
  };
  [postgres, redis] = await Promise.all([startPostgres(postgresOptions), startOwnRedis()]);
  line = await layRedisLine(redis);
  await promisify(execFile)(process.execPath, ['dist/src/database/migrate.js'], {
    env: { ...process.env, DATABASE_URL: postgres.url },
  });
  front = await frontOf(postgres.url);
  app = await startTestApp({
    ...CROWD_SETTINGS,
    DATABASE_URL: front.url,
    // Not of this Postgres.
    DATABASE_REPLICA_URL: '',
    REDIS_URL: line.url,
    // Fewer than the prompts: some wait in the queue, which is lost with Redis.
    REPLY_CONCURRENCY: '120',
  });
  const database = new pg.Pool({ connectionString: postgres.url, max: 2 });
  // Its connections end with the server.
  database.on('error', () => undefined);
  crowd = await aCrowd(app);
  scene = { api: app.api, database, redisUrl: redis.url };
}, 120_000);
afterEach(() => {
  app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
});
afterAll(async () => {
  await app.stop();
  await Promise.all([scene.database.end(), line.cut(), redis.kill()]);
  await front.stop();
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
});

const notes = (sent: readonly Sent[]) =>
  `${sum(sent.map((one) => one.refused))} times 503, ${sum(sent.map((one) => one.cutOff))} times no answer`;

it('Redis dies in the middle of the streams and comes back with nothing', async () => {
  app.gemini.pace({ chunkMs: 100 });
  const sent = await sendAll(crowd, [app.api], (n) => `wiped ${n}`).all;
  const watchers = watch(sent, [app.api]);
  await untilShown(watchers, 80);
  await redis.kill();
  await redis.start();
  await theAftermath('Redis killed and wiped', scene, sent, { before, watchers, note: notes(sent) });
  before.push(...sent);
});

it('Redis cannot be reached for 10 s while prompts arrive', async () => {
  app.gemini.pace({ chunkMs: 50 });
  const { accepted, all } = sendAll(crowd, [app.api], (n) => `away ${n}`, APART_MS);
  await until('some are accepted', () => accepted.length > 50);
  const watchers = watch(accepted, [app.api]);
  await line.cut();
  await new Promise((resolve) => setTimeout(resolve, REDIS_AWAY_MS));
  await line.mend();
  const sent = await all;
  await theAftermath('Redis away for 10 s', scene, sent, { before, watchers, note: notes(sent) });
  before.push(...sent);
  expect(sum(sent.map((one) => one.refused))).toBeGreaterThan(0);
});

it('Postgres restarts in the middle of a burst', async () => {
  app.gemini.pace({ chunkMs: 50 });
  const { accepted, all } = sendAll(crowd, [app.api], (n) => `restarted ${n}`, APART_MS);
  await until('some are accepted', () => accepted.length > 50);
  const watchers = watch(accepted, [app.api]);
  const { port } = postgres;
  await postgres.stop();
  // What was being written is finished in vain.
  await until('the model is done', () => app.gemini.openRequests === 0);
  postgres = await startPostgres({ ...postgresOptions, port });
  const sent = await all;
  await theAftermath('Postgres restarted', scene, sent, { before, watchers, note: notes(sent) });
  before.push(...sent);
  expect(sum(sent.map((one) => one.refused))).toBeGreaterThan(0);
});

it('a minute later nothing is left reserved of the requests that failed', async () => {
  const later = await aProcess(app, 'api', { NODE_OPTIONS: SHIFTED_CLOCK, CLOCK_SHIFT_MS: '61000' });
  try {
    await expectUsedIsAnswered(later.api, scene.database, before);
  } finally {
    await later.process.kill();
  }
});
