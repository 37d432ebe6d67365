import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AppProcess } from '../support/app-process.js';
import type { Api } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { theAftermath } from './support/aftermath.js';
import { aCrowd, aProcess, CROWD_SETTINGS, send, sendAll } from './support/crowd.js';

const TWINS = 50;
/** Prompts that are sent so many times each. */
const SETS = 4;

let app: TestApp;
let second: { process: AppProcess; api: Api };

beforeAll(async () => {
  app = await startTestApp(CROWD_SETTINGS);
  second = await aProcess(app, 'api');
});
afterAll(async () => {
  await second.process.kill();
  await app.stop();
});

it('50 twins of one prompt over two APIs, amid 200 other prompts: one prompt, one charge', async () => {
  const crowd = await aCrowd(app);
  const apis = [app.api, second.api];
  const others = sendAll(crowd.slice(SETS), apis, (n) => `amid ${n}`);
  const sets = await Promise.all(
    crowd
      .slice(0, SETS)
      .map((place, set) =>
        Promise.all(
          Array.from({ length: TWINS }, (_, n) =>
            send(place, [apis[n % 2] as Api], `the same ${set}`, `twin-${set}`),
          ),
        ),
      ),
  );
  for (const twins of sets) {
    expect(new Set(twins.map(({ prompt, reply }) => `${prompt.id} ${reply.id}`)).size).toBe(1);
  }
  const sent = [...sets.flatMap(([first]) => first ?? []), ...(await others.all)];
  const scene = { api: second.api, database: app.database, redisUrl: app.redis.url };
  const { rows } = await theAftermath('twins', scene, sent, {
    note: `${SETS} of them sent ${TWINS} times each`,
  });
  expect(rows).toHaveLength(crowd.length);
});
