import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { keys, QUEUE_PREFIX } from '../src/redis/keys.js';
import { findServerOf } from '../src/redis/servers.js';
import { theAftermath } from './faults/support/aftermath.js';
import { aCrowd, CROWD_SETTINGS, sendAll } from './faults/support/crowd.js';
import { untilShown, watch } from './faults/support/watching.js';
import { aPrompt, aRoom, aUser, theReply } from './support/factories.js';
import { isPgBouncerInstalled, type PgBouncer, startPgBouncer } from './support/pgbouncer.js';
import { RedisCluster } from './support/redis-cluster.js';
import { SseClient } from './support/sse.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { openRedis } from './support/whole-redis.js';

/** The short one; `npm run test:cluster` runs everything like this. */
let app: TestApp;
let cluster: RedisCluster;
let bouncer: PgBouncer | undefined;
let redis: Redis;

beforeAll(async () => {
  cluster = await RedisCluster.start({ failoverMs: 1000 });
  redis = openRedis(cluster.url);
  app = await startTestApp({ ...CROWD_SETTINGS, REDIS_URL: cluster.url, REDIS_CLUSTER: 'true' });
  if (!isPgBouncerInstalled()) {
    process.stdout.write(
      'SKIPPED: PgBouncer, as no pgbouncer is on PATH; the rest of the spec goes without it\n',
    );
    return;
  }
  bouncer = await startPgBouncer(app.env.DATABASE_URL ?? '');
  await app.process.stop();
  await app.restart({ DATABASE_URL: bouncer.url });
});
afterAll(async () => {
  redis.disconnect();
  await app.stop();
  await Promise.all([bouncer?.stop(), cluster.stop()]);
});

it('a person signs up, asks, watches the reply come, and is told of it who waits', async () => {
  app.gemini.pace({ chunkMs: 30 });
  const user = await aUser(app);
  const accepted = await aPrompt(app, user, await aRoom(app, user), 'Which slot is mine?');
  const stream = await SseClient.open(`${app.api.url}${accepted.links.reply}/stream`, {
    authorization: `Bearer ${user.token}`,
  });
  const [reply] = await Promise.all([theReply(app, user, accepted), stream.end()]);
  expect(reply.status).toBe('completed');
  expect(stream.events.at(-1)).toMatchObject({ event: 'done', data: { content: reply.content } });
  expect(stream.events.filter(({ event }) => event === 'delta').length).toBeGreaterThan(1);
});

it('a stream goes on where its slot moves to another node', async () => {
  const crowd = await aCrowd(app, { people: 5, roomsEach: 4 });
  app.gemini.pace({ chunkMs: 400 });
  const sent = await sendAll(crowd, [app.api], (n) => `moved ${n}`).all;
  const watchers = watch(sent, [app.api]);
  await untilShown(watchers, 20);
  await cluster.moveSlotOf(keys.replyStream(sent[0]?.reply.id ?? ''));
  await theAftermath('a slot moved', { api: app.api, database: app.database, redisUrl: cluster.url }, sent, {
    watchers,
  });
  expect(watchers.map(({ watcher: { opens, ends } }) => [opens, ends])).toEqual(sent.map(() => [1, 1]));
  // Of the one that moved, too, nothing came late: all of it came in pieces.
  expect(watchers.map(({ watcher }) => watcher.text)).toEqual(watchers.map(({ watcher }) => watcher.shown));
});

it('the node with the queue dies amid replies: its replica takes over, and each reply comes once', async () => {
  const crowd = await aCrowd(app, { people: 10, roomsEach: 4 });
  app.gemini.pace({ chunkMs: 200 });
  const sent = await sendAll(crowd, [app.api], (n) => `fail over ${n}`).all;
  const watchers = watch(sent, [app.api]);
  await untilShown(watchers, 20);
  const victim = await findServerOf(redis, QUEUE_PREFIX);
  const began = performance.now();
  await cluster.killNode(victim?.options.port);
  const later = await sendAll(crowd, [app.api], (n) => `afterwards ${n}`).all;
  const note = `${later.filter(({ refused }) => refused > 0).length} prompts of 40 refused at first, all accepted ${Math.round(performance.now() - began)} ms after it`;
  await theAftermath(
    'kill -9 of a node of the cluster',
    { api: app.api, database: app.database, redisUrl: cluster.url },
    [...sent, ...later],
    { watchers, note },
  );
});
