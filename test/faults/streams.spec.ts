import { type ClientRequest, get } from 'node:http';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { ReplyStream } from '../../src/streaming/reply-stream.js';
import type { Api } from '../support/api.js';
import type { AppProcess } from '../support/app-process.js';
import { isDistributed } from '../support/engines.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';
import { type Scene, theAftermath, type Watched } from './support/aftermath.js';
import {
  aCrowd,
  aProcess,
  CROWD_SETTINGS,
  type Place,
  send,
  type Sent,
  sendAll,
  sum,
} from './support/crowd.js';
import { seeded } from './support/watcher.js';
import { watch } from './support/watching.js';
import { openRedis } from '../support/whole-redis.js';

const STALLED = 10;
/** What each of them does not read: much more than the kernel takes in its place. */
const [PARTS, PART_LENGTH] = [1600, 5000];
const MB = 2 ** 20;
/** Connections that read streams for one process: in a cluster one for each shard of them (src/redis/keys.ts). */
const READERS_MAX = isDistributed ? 32 : 1;

let app: TestApp;
let scene: Scene;
let second: { process: AppProcess; api: Api };
let crowd: Place[];
let redis: Redis;
const before: Sent[] = [];

beforeAll(async () => {
  app = await startTestApp(CROWD_SETTINGS);
  second = await aProcess(app, 'api');
  scene = { api: app.api, database: app.database, redisUrl: app.redis.url };
  redis = openRedis(app.redis.url);
  crowd = await aCrowd(app);
});
afterEach(() => {
  app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
});
afterAll(async () => {
  redis.disconnect();
  await second.process.kill();
  await app.stop();
});

const times = (count: number, make: () => Watched[]): Watched[] => Array.from({ length: count }, make).flat();

const clients = async (filter = ''): Promise<number> =>
  ((await redis.call('CLIENT', 'LIST')) as string)
    .split('\n')
    // Beside those that come and go, to ask where a cluster has what.
    .filter((line) => line !== '' && !line.includes('(refresher)'))
    .filter((line) => line.includes(filter) && (filter === '' || / flags=\S*b/.test(line))).length;

it('1,000 clients that are cut off at any byte and go on at the other API have every byte', async () => {
  app.gemini.pace({ firstTokenMs: 500, chunkMs: 60 });
  const seed = Date.now() % 1_000_000;
  const random = seeded(seed);
  const dropAfter = () => (random() < 0.8 ? Math.floor(random() * 900) : Infinity);
  const contentOf = (n: number) => (n % 5 === 0 ? `[[reset x1]] stream ${n}` : `stream ${n} 👩‍👩‍👧‍👦 é`);
  const sent = await sendAll(crowd, [app.api, second.api], contentOf).all;
  const watchers = times(5, () => watch(sent, [app.api, second.api], dropAfter));
  await until('most have ended', () => watchers.filter(({ watcher }) => watcher.ended).length > 900, 40_000);
  const drops = sum(watchers.map(({ watcher }) => watcher.drops));
  await theAftermath('clients cut off', scene, sent, { watchers, note: `${drops} drops (seed ${seed})` });
  before.push(...sent);
  expect(drops).toBeGreaterThan(1000);
  // Pieced together from the streams alone.
  expect(watchers.filter(({ watcher }) => watcher.text !== watcher.shown)).toEqual([]);
});

it('2,000 open streams take one connection to Redis, or one for each shard to a cluster', async () => {
  // Of those before, each reads on until it hears that nobody listens any more.
  await until('nobody reads', async () => (await clients('cmd=xread')) === 0);
  const release = app.gemini.hold('open');
  const sent = await sendAll(crowd, [second.api], (n) => `open ${n}`).all;
  const first = watch(sent.slice(0, 1), [second.api]);
  await until('one is open', async () => (await clients('cmd=xread')) === 1);
  const connections = await clients();
  const watchers = [...first, ...times(10, () => watch(sent, [second.api])).slice(1)];
  await until('all are open', () => watchers.every(({ watcher }) => watcher.isOpen));
  expect(await clients('cmd=xread')).toBeLessThanOrEqual(READERS_MAX);
  const more = (await clients()) - connections;
  release();
  await theAftermath('open streams', scene, sent, {
    before,
    watchers,
    note: `${more} more connections to Redis`,
  });
  before.push(...sent);
  expect(more).toBeLessThanOrEqual(READERS_MAX - 1);
});

it('clients that read nothing hold no memory, and delay nobody', async () => {
  const release = app.gemini.hold('not read');
  const sent = [await send(crowd[0] as Place, [second.api], 'not read')];
  await until('it is being written', () => app.gemini.openRequests === 1);
  const stalled = Array.from({ length: STALLED }, () =>
    openWithoutReading(second.api.url + (sent[0]?.streamUrl ?? '')),
  );
  const [fast] = watch(sent, [second.api]);
  const rss = residentBytes(second.process);
  let peak = rss;
  const others = sendAll(crowd.slice(1), [app.api, second.api], (n) => `beside ${n}`);

  const stream = new ReplyStream(redis);
  const part = 'x'.repeat(PART_LENGTH);
  for (let n = 0; n < PARTS; n += 100) {
    await Promise.all(Array.from({ length: 100 }, () => stream.delta(sent[0]?.reply.id ?? '', 1, part)));
    peak = Math.max(peak, residentBytes(second.process));
  }
  await until('who reads has it all', () => fast?.watcher.text.length === PARTS * PART_LENGTH, 60_000);
  peak = Math.max(peak, residentBytes(second.process));
  sent.push(...(await others.all));
  const watchers = watch(sent.slice(1), [second.api]);
  release();
  for (const request of stalled) request.destroy();
  await until('who reads is told the end', () => fast?.watcher.final);
  const grown = Math.round((peak - rss) / MB);
  const note = `${STALLED} clients with ${Math.round((PARTS * PART_LENGTH) / MB)} MB unread, ${grown} MB more memory`;
  await theAftermath('clients that do not read', scene, sent, { before, watchers, note });
  before.push(...sent);
  // Some 10 MB on a quiet machine; where the collector gets no time, garbage of the others' streams adds to it.
  expect(grown).toBeLessThan(400);
});

it('a stream that is opened after the reader lost its connection is live at once', async () => {
  const [silent] = watch([await send(crowd[0] as Place, [app.api], '[[hang]]')], [second.api]);
  await until('the reader reads', async () => (await clients('cmd=xread')) === 1);
  const list = (await redis.call('CLIENT', 'LIST')) as string;
  const address = / addr=(\S+) [^\n]* flags=\S*b[^\n]* cmd=xread/m.exec(list)?.[1] ?? '';
  await redis.call('CLIENT', 'KILL', 'ADDR', address);
  await until('it reads again', async () => (await clients('cmd=xread')) === 1);
  const release = app.gemini.hold('later');
  const [late] = watch([await send(crowd[1] as Place, [app.api], 'later')], [second.api]);
  await until('it is open', () => late?.watcher.isOpen);
  await until('the model is asked', () => app.gemini.openRequests === 2);
  const began = performance.now();
  release();
  await until('it is told', () => late?.watcher.final);
  expect(performance.now() - began).toBeLessThan(3000);
  silent?.watcher.leave();
});

function openWithoutReading(url: string): ClientRequest {
  const request = get(url, { agent: false }, (response) => response.pause());
  return request.on('error', () => undefined);
}

/** Resident memory of a process. Linux; elsewhere there is nothing to compare. */
function residentBytes({ pid }: AppProcess): number {
  if (process.platform !== 'linux') return 0;
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}
