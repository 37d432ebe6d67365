import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aMember, changePassword, NEW_PASSWORD, PASSWORD } from './support/passwords.js';
import { theProblem } from './support/problem.js';
import { listSessions, logout, onDevices } from './support/sessions.js';
import { login, me, type Session } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { emptyRedis } from './support/whole-redis.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('an ended session stays ended', () => {
  const ended = { tried: 0, gotThrough: 0 };
  afterAll(() => {
    process.stdout.write(`tokens of ended sessions: ${ended.tried} tried, ${ended.gotThrough} got through\n`);
  });

  async function attack(token: string, times: number): Promise<void> {
    const answers = await Promise.all(Array.from({ length: times }, () => me(app, token)));
    ended.tried += times;
    ended.gotThrough += answers.filter(({ status }) => status === 200).length;
    for (const answer of answers) theProblem(answer, 401, 'UNAUTHENTICATED');
  }

  it.each([
    ['requests are under way', false],
    ['requests are under way and Redis forgets everything', true],
  ])('although %s while it ends', async (_what, wiped) => {
    for (let round = 0; round < 15; round += 1) {
      const [session] = (await onDevices(app, 1)) as [Session];
      const underWay = Array.from({ length: 10 }, () => me(app, session.accessToken));
      const flushes = wiped ? [emptyRedis(app.redis.url), emptyRedis(app.redis.url)] : [];
      const answer = await logout(app, session.accessToken);
      expect(answer.status).toBe(204);
      await attack(session.accessToken, 10);
      await Promise.all([...underWay, ...flushes]);
      await attack(session.accessToken, 5);
    }
  });

  it('although the database takes its time to commit and Redis is wiped meanwhile', async () => {
    await app.database.query(`
      CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER slow_commit AFTER DELETE ON sessions DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slow_commit()`);
    try {
      const [session] = (await onDevices(app, 1)) as [Session];
      expect((await me(app, session.accessToken)).status).toBe(200);
      const leaving = logout(app, session.accessToken);
      await until('it is being committed', async () => {
        const { rowCount } = await app.database.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
        );
        return rowCount === 1;
      });
      await emptyRedis(app.redis.url);
      // Who asks now must not leave a copy behind: until the commit the row is there to be read.
      const meanwhile = Array.from({ length: 5 }, () => me(app, session.accessToken));
      expect((await leaving).status).toBe(204);
      await attack(session.accessToken, 20);
      await Promise.all(meanwhile);
      await attack(session.accessToken, 5);
    } finally {
      await app.database.query('DROP TRIGGER slow_commit ON sessions; DROP FUNCTION slow_commit()');
    }
  });

  it('although the process dies right after', async () => {
    const [session] = (await onDevices(app, 1)) as [Session];
    expect((await me(app, session.accessToken)).status).toBe(200);
    await logout(app, session.accessToken);
    await app.process.kill();
    await app.restart();
    await attack(session.accessToken, 5);
  });

  it('although its password was right: a login beside a change of the password opens nothing', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { token, mobile } = await aMember(app);
      const change_ = changePassword(app, token, { currentPassword: PASSWORD, newPassword: NEW_PASSWORD });
      const logins = await Promise.all(Array.from({ length: 6 }, () => login(app, mobile, PASSWORD)));
      const { status, body } = await change_;
      expect(status).toBe(200);
      for (const one of logins) if (one.status === 200) await attack(one.body.accessToken, 1);
      expect((await me(app, body.accessToken)).status).toBe(200);
      expect((await listSessions(app, body.accessToken)).body.data).toHaveLength(1);
    }
  });
});
