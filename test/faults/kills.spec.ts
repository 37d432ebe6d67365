import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Api } from '../support/api.js';
import { AppProcess } from '../support/app-process.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';
import { expectUsedIsAnswered, type Scene, theAftermath } from './support/aftermath.js';
import { aCrowd, aProcess, CROWD_SETTINGS, type Place, type Sent, sendAll, sum } from './support/crowd.js';
import { SHIFTED_CLOCK } from './support/shifted-clock.js';
import { untilShown, watch } from './support/watching.js';

/** Two APIs and two workers on one Postgres and one Redis. */
let app: TestApp;
let scene: Scene;
let apis: Api[];
let second: Awaited<ReturnType<typeof aProcess>>;
let workers: AppProcess[];
let crowd: Place[];
const before: Sent[] = [];

const aWorker = async () => (await aProcess(app, 'worker')).process;

beforeAll(async () => {
  app = await startTestApp({ ...CROWD_SETTINGS, PROCESS_ROLE: 'api', QUEUE_LOCK_MS: '1000' });
  [second, ...workers] = await Promise.all([aProcess(app, 'api'), aWorker(), aWorker()]);
  apis = [app.api, second.api];
  crowd = await aCrowd(app);
  scene = { api: app.api, database: app.database, redisUrl: app.redis.url };
});
afterAll(async () => {
  await Promise.all([second.process, ...workers].map((running) => running.kill()));
  await app.stop();
});

it('a worker, in the middle of its streams: the other one writes them from the beginning', async () => {
  app.gemini.pace({ chunkMs: 400 });
  const sent = await sendAll(crowd, apis, (n) => `mid-stream ${n}`).all;
  const watchers = watch(sent, apis);
  await untilShown(watchers, 150);
  await workers.shift()?.kill();
  app.gemini.pace({ chunkMs: 0 });
  const { takenOver } = await theAftermath('kill -9 of a worker', scene, sent, { before, watchers });
  before.push(...sent);
  expect(takenOver).toBeGreaterThan(10);
});

it('an API, in the middle of its requests: who had no answer asks the other one', async () => {
  // Prompts of two people wait for a lock when the blow comes, each with a connection; nobody else waits for them.
  const held = crowd.slice(0, 8);
  const holder = await app.database.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM users WHERE id = ANY($1) FOR UPDATE', [held.map(({ user }) => user.id)]);
  const { accepted, all } = sendAll(crowd, apis, (n) => `mid-request ${n}`);
  await until('all others are through', () => accepted.length === crowd.length - held.length);
  await app.process.kill();
  await holder.query('ROLLBACK');
  holder.release();
  scene.api = second.api;
  const sent = await all;
  const cutOff = sum(sent.map((one) => one.cutOff));
  await theAftermath('kill -9 of an API', scene, sent, { before, note: `${cutOff} requests cut off` });
  before.push(...sent);
  expect(cutOff).toBeGreaterThanOrEqual(held.length / 2);
  await app.restart();
});

it('all APIs and workers at once, and new ones come', async () => {
  app.gemini.pace({ chunkMs: 400 });
  const sent = await sendAll(crowd, apis, (n) => `everything ${n}`).all;
  const watchers = watch(sent, apis);
  await untilShown(watchers, 150);
  await Promise.all([app.process, second.process, ...workers].map((running) => running.kill()));
  app.gemini.pace({ chunkMs: 0 });
  const [, worker, api] = await Promise.all([app.restart(), aWorker(), AppProcess.start(second.env)]);
  workers = [worker];
  second.process = api;
  const { takenOver } = await theAftermath('kill -9 of everything', scene, sent, { before, watchers });
  before.push(...sent);
  expect(takenOver).toBeGreaterThan(10);
});

it('a minute later nothing is left reserved of the requests that were killed', async () => {
  const later = await aProcess(app, 'api', { NODE_OPTIONS: SHIFTED_CLOCK, CLOCK_SHIFT_MS: '61000' });
  try {
    await expectUsedIsAnswered(later.api, app.database, before);
  } finally {
    await later.process.kill();
  }
});
