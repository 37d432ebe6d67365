import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Api } from '../support/api.js';
import { AppProcess } from '../support/app-process.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';
import { type Scene, theAftermath, type Watched } from './support/aftermath.js';
import { Balancer } from './support/balancer.js';
import { aCrowd, aProcess, CROWD_SETTINGS, type Place, send, type Sent, sum } from './support/crowd.js';
import { watch } from './support/watching.js';

/** A restarted process is found unready within this, and only then stops to listen. */
const DELAY_MS = 1000;
/** Shorter than a reply takes: some are handed back. */
const GRACE_MS = 1000;
/** Between two prompts, and between two other requests. */
const [APART_MS, REQUESTS_APART_MS] = [100, 25];

interface Restartable {
  process: AppProcess;
  env: Record<string, string>;
}

/** Two APIs and two workers on one Postgres and one Redis. */
let app: TestApp;
let scene: Scene;
let apis: Restartable[];
let workers: Restartable[];
let balancer: Balancer;
let all: Api[];
let crowd: Place[];

beforeAll(async () => {
  app = await startTestApp({
    ...CROWD_SETTINGS,
    PROCESS_ROLE: 'api',
    SHUTDOWN_DELAY_MS: String(DELAY_MS),
    SHUTDOWN_GRACE_MS: String(GRACE_MS),
  });
  const [second, ...others] = await Promise.all([
    aProcess(app, 'api'),
    aProcess(app, 'worker'),
    aProcess(app, 'worker'),
  ]);
  apis = [{ process: app.process, env: app.env }, second];
  workers = others;
  all = [app.api, second.api];
  balancer = new Balancer(all);
  crowd = await aCrowd(app);
  scene = { api: app.api, database: app.database, redisUrl: app.redis.url };
});
afterAll(async () => {
  balancer.stop();
  await Promise.all([...apis, ...workers].map(({ process }) => process.kill()));
  await app.stop();
});

/** As a deploy does with one process: SIGTERM, and another one when it has ended. */
async function replace(one: Restartable): Promise<void> {
  expect(await one.process.stop()).toBe(0);
  one.process = await AppProcess.start(one.env);
}

/** Sends prompts, each watched from its acceptance on, until it is told to stop. */
async function load(isOver: () => boolean): Promise<{ sent: Sent[]; watchers: Watched[] }> {
  const [sent, watchers]: [Promise<Sent>[], Watched[]] = [[], []];
  for (let n = 0; !isOver(); n += 1) {
    const sending = send(crowd[n % crowd.length] as Place, balancer.ready, `rolling ${n}`).then((one) => {
      watchers.push(...watch([one], all));
      return one;
    });
    sending.catch(() => undefined);
    sent.push(sending);
    await new Promise((resolve) => setTimeout(resolve, APART_MS));
  }
  return { sent: await Promise.all(sent), watchers };
}

/** Other requests meanwhile; the answers that were no success. */
async function requests(isOver: () => boolean): Promise<{ made: number; failed: unknown[] }> {
  const failed: unknown[] = [];
  let made = 0;
  for (; !isOver(); made += 1) {
    const { token } = (crowd[made % crowd.length] as Place).user;
    const api = balancer.ready[made % balancer.ready.length];
    const answer = await api
      ?.get('/v1/chatrooms', { token })
      .catch((error: unknown) => ({ status: 0, error }));
    if (answer?.status !== 200) failed.push(answer ?? 'no API was ready');
    await new Promise((resolve) => setTimeout(resolve, REQUESTS_APART_MS));
  }
  return { made, failed };
}

it('a rolling restart under load: nothing is lost, no request fails, streams go on at another API', async () => {
  app.gemini.pace({ firstTokenMs: 200, chunkMs: 250 });
  let over = false;
  const [loading, requesting] = [load(() => over), requests(() => over)];
  const restarts = [apis[0], workers[0], apis[1], workers[1]] as Restartable[];
  for (const one of restarts) {
    await replace(one);
    await until('both APIs are ready', () => balancer.ready.length === all.length);
  }
  over = true;
  const [{ sent, watchers }, { made, failed }] = await Promise.all([loading, requesting]);
  app.gemini.pace({ chunkMs: 0 });

  const refused = sum(sent.map((one) => one.refused));
  const cutOff = sum(sent.map((one) => one.cutOff));
  const resumed = watchers.filter(({ watcher }) => watcher.connects > 1).length;
  const { takenOver } = await theAftermath('rolling restart of 2 APIs and 2 workers', scene, sent, {
    watchers,
    note:
      `${refused} prompts refused, ${cutOff} without an answer, ${resumed} streams resumed at another process, ` +
      `${failed.length} of ${made} other requests failed`,
  });
  expect({ refused, cutOff, failed }).toEqual({ refused: 0, cutOff: 0, failed: [] });
  // Pieced together from the streams alone.
  expect(watchers.filter(({ watcher }) => watcher.text !== watcher.shown)).toEqual([]);
  expect(takenOver).toBeGreaterThan(0);
  expect(resumed).toBeGreaterThan(5);
});
