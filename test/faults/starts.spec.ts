import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { findFreePort } from '../../local/services/ports.js';
import { AppProcess } from '../support/app-process.js';
import type { CuttableLine } from '../support/cuttable-line.js';
import { layRedisLine } from '../support/engines.js';
import { aPrompt, aRoom, aUser, theReply } from '../support/factories.js';
import { Scrape } from '../support/metrics.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

/** As a client sends it that asks for everything. Each connection asks when it is made; the queues ask again. */
const INFO = '*1\r\n$4\r\ninfo\r\n';

let app: TestApp;
let line: CuttableLine;

beforeAll(async () => {
  app = await startTestApp();
  await app.process.kill();
});
afterEach(async () => {
  await app.process.kill();
  await line.cut();
});
afterAll(() => app.stop());

it.each([1, 4])(
  'a process that loses Redis while it starts works once Redis is back (question %i)',
  async (which) => {
    let asked = 0;
    let gone = false;
    line = await layRedisLine(app.redis, (sent) => {
      if (gone || !sent.endsWith(INFO) || sent.indexOf(INFO) === sent.lastIndexOf(INFO)) return false;
      asked += 1;
      return (gone = asked === which);
    });
    const metricsPort = String(await findFreePort());
    app.process = AppProcess.spawn({ ...app.env, REDIS_URL: line.url, METRICS_PORT: metricsPort });
    await until('Redis is gone', () => gone);
    await line.cut();
    await until('that is seen', () => app.process.logs.some(({ msg }) => msg === 'Redis cannot be reached'));
    await line.mend();
    await until('it is ready', () =>
      fetch(`${app.process.url}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    const user = await aUser(app);
    const accepted = await aPrompt(app, user, await aRoom(app, user), 'hello');
    expect(await theReply(app, user, accepted)).toMatchObject({ status: 'completed' });
    await until('all queues can be read', async () => {
      const scrape = await Scrape.of(`http://127.0.0.1:${metricsPort}`);
      return scrape.value('chat_dependency_up', { dependency: 'redis' }) === 1;
    });
  },
);
