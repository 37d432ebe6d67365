import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AppProcess } from '../support/app-process.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';
import { finalRows, type Scene, theAftermath } from './support/aftermath.js';
import { aCrowd, aProcess, CROWD_SETTINGS, sendAll } from './support/crowd.js';
import { watch } from './support/watching.js';

const workers: AppProcess[] = [];
let app: TestApp;
let scene: Scene;

beforeAll(async () => {
  app = await startTestApp({ ...CROWD_SETTINGS, PROCESS_ROLE: 'api', QUEUE_LOCK_MS: '2000' });
  scene = { api: app.api, database: app.database, redisUrl: app.redis.url };
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await app.stop();
});

async function aWorker(): Promise<AppProcess> {
  const { process } = await aProcess(app, 'worker');
  workers.push(process);
  return process;
}

/** How many replies were finished in a later attempt, are being written in one, and how many end as only the first one's would. */
async function laterAttempts(): Promise<{ finished: number; begun: number; sleepers: number }> {
  const { rows } = await app.database.query<{ finished: number; begun: number; sleepers: number }>(
    `SELECT count(*) FILTER (WHERE finished_at IS NOT NULL)::int AS finished,
            count(*) FILTER (WHERE finished_at IS NULL)::int AS begun,
            count(*) FILTER (WHERE finish_reason = 'MAX_TOKENS')::int AS sleepers
     FROM messages WHERE role = 'model' AND attempt > 1`,
  );
  return rows[0] ?? { finished: 0, begun: 0, sleepers: 0 };
}

it('a worker that slept beyond its locks changes nothing, where another has written and where it is writing', async () => {
  const crowd = await aCrowd(app);
  const half = crowd.length / 2;
  const sleeper = await aWorker();
  // What it is about to write ends differently from what the other one writes.
  app.gemini.misbehave({ kind: 'max-tokens' }, crowd.length);
  const letSleeper = app.gemini.hold('Who answers');
  const sent = await sendAll(crowd, [app.api], (n) => `Who answers ${n < half ? 'at once' : 'late'}?`).all;
  const watchers = watch(sent, [app.api]);
  await until('the sleeper has them all', () => app.gemini.openRequests === crowd.length);
  sleeper.signal('SIGSTOP');
  letSleeper();
  // Its answers lie in its sockets, to be written when it wakes.
  await until('the model has answered it', () => app.gemini.openRequests === 0);

  const letOther = app.gemini.hold('late');
  await aWorker();
  await until('the other has finished half of them, and is at the rest', async () => {
    const { finished, begun } = await laterAttempts();
    return finished === half && begun === half && app.gemini.openRequests === half;
  });
  const written = await finalRows(app.database, sent);
  sleeper.signal('SIGCONT');
  // It ends when it is through with what it has.
  expect(await sleeper.stop()).toBe(0);
  expect(await finalRows(app.database, sent)).toEqual(written);
  letOther();
  const { takenOver } = await theAftermath('a zombie for each reply', scene, sent, {
    watchers,
    note: `${half} were being written when it woke`,
  });
  expect(takenOver).toBe(crowd.length);
  expect(await laterAttempts()).toEqual({ finished: crowd.length, begun: 0, sleepers: 0 });
});
