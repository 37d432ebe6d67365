import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deletionRow, rowsOf } from './support/account.js';
import {
  aWatchedReply,
  BATCH,
  deleted,
  DELETION_SETTINGS,
  expectRemoved,
  fill,
} from './support/account-deletion.js';
import { aRoom, aUser } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp(DELETION_SETTINGS);
});
afterAll(() => app.stop());

describe('after kill -9', () => {
  it.each([[2], [10], [30]])('after %i batches of a big room the rest is removed', async (batches) => {
    const user = await aUser(app);
    const room = await aRoom(app, user);
    const all = 80 * BATCH;
    await fill(app, user, room.id, all);
    // Every batch waits a little, so that there is something to interrupt.
    await app.database.query(`
      CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.03); RETURN NULL; END';
      CREATE TRIGGER take_time AFTER DELETE ON messages FOR EACH STATEMENT EXECUTE FUNCTION take_time()`);
    try {
      await deleted(app, user);
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
    await expectRemoved(app, user);
  });

  it('right after the answer, and with Redis emptied, everything is removed', async () => {
    const user = await aUser(app);
    await aWatchedReply(app, user);
    await deleted(app, user);
    await app.process.kill();
    const redis = openRedis(app.redis.url);
    await redis.flushall();
    redis.disconnect();
    await app.restart();
    await expectRemoved(app, user);
  });
});

it('a stop does not wait for a big account, and the next process goes on', async () => {
  const user = await aUser(app);
  await fill(app, user, (await aRoom(app, user)).id, 80 * BATCH);
  await deleted(app, user);
  await until('some are gone', async () => ((await rowsOf(app, user.id)).messages ?? 0) < 80 * BATCH);
  expect(await app.process.stop()).toBe(0);
  await app.restart();
  await expectRemoved(app, user);
});
