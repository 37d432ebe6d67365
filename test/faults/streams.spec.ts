import { type ClientRequest, get } from 'node:http';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { ReplyStream } from '../../src/streaming/reply-stream.js';
import type { Api } from '../support/api.js';
import type { AppProcess } from '../support/app-process.js';
import { layLine } from '../support/cuttable-line.js';
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
/** Servers of Redis: a process hears of its streams by a connection to each. */
const NODES = isDistributed ? 3 : 1;
/** Events of one reply, written one by one while others are open, and what Redis may be sent meanwhile by all processes. */
const [EVENTS, EVENTS_BYTES_MAX] = [50, 400_000];

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

/** Connections to Redis, beside those that come and go to ask where a cluster has what. */
const connections = async (): Promise<number> =>
  ((await redis.call('CLIENT', 'LIST')) as string)
    .split('\n')
    .filter((line) => line !== '' && !line.includes('(refresher)')).length;

/** Bytes that Redis was sent so far. */
const sentToRedis = async (): Promise<number> =>
  sum(
    [...((await redis.call('INFO', 'stats')) as string).matchAll(/total_net_input_bytes:(\d+)/g)].map(
      lastNumber,
    ),
  );
const lastNumber = ([, digits]: RegExpMatchArray): number => Number(digits);

/** Those who were cut off before the end, or not told it once. */
const notServedOnce = (watchers: readonly Watched[]): object[] =>
  watchers
    .map(({ watcher: { opens, ends, lastId } }) => ({ opens, ends, lastId }))
    .filter(({ opens, ends }) => opens !== 1 || ends !== 1);

/** Those who, from the streams alone, have pieced together another text than the stored one. */
const wronglyTold = (watchers: readonly Watched[]): object[] =>
  watchers
    .map(({ watcher: { text, shown, lastId } }) => ({ text, shown, lastId }))
    .filter(({ text, shown }) => text !== shown);

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
  expect(wronglyTold(watchers)).toEqual([]);
});

it('2,000 open streams take one connection to each Redis, and an event costs no more than with one stream', async () => {
  const release = app.gemini.hold('open');
  const sent = await sendAll(crowd, [second.api], (n) => `open ${n}`).all;
  // Each is listened for, too, by who writes it.
  await until('all are written', () => app.gemini.openRequests === sent.length);
  const first = watch(sent.slice(0, 1), [second.api]);
  await until('one is open', () => first[0]?.watcher.isOpen);
  const few = await connections();
  const watchers = [...first, ...times(10, () => watch(sent, [second.api])).slice(1)];
  await until('all are open', () => watchers.every(({ watcher }) => watcher.isOpen));
  const more = (await connections()) - few;
  const bytes = await sentToRedis();
  const stream = new ReplyStream(redis);
  for (let n = 1; n <= EVENTS; n += 1) {
    await stream.delta(sent[0]?.reply.id ?? '', 1, 'x');
    // At once, so that what others send meanwhile is little.
    while (first[0]?.watcher.text.length !== n) await new Promise(setImmediate);
  }
  const bytesOfEvents = (await sentToRedis()) - bytes;
  release();
  await theAftermath('open streams', scene, sent, {
    before,
    watchers,
    note: `${more} more connections to Redis, ${Math.round(bytesOfEvents / EVENTS)} bytes to it an event`,
  });
  before.push(...sent);
  expect(more).toBeLessThan(NODES);
  expect(bytesOfEvents).toBeLessThan(EVENTS_BYTES_MAX);
  expect(notServedOnce(watchers)).toEqual([]);
});

it('2,000 streams whose replies end at once are told so once, by a process with one connection to Postgres', async () => {
  const one = await aProcess(app, 'api', { DATABASE_POOL_SIZE: '1' });
  try {
    const release = app.gemini.hold('at once');
    const sent = await sendAll(crowd, [app.api], (n) => `at once ${n}`).all;
    const watchers = times(10, () => watch(sent, [one.api]));
    await until('all are open', () => watchers.every(({ watcher }) => watcher.isOpen));
    release();
    await theAftermath('replies that end at once', scene, sent, { before, watchers });
    before.push(...sent);
    expect(notServedOnce(watchers)).toEqual([]);
  } finally {
    await one.process.kill();
  }
});

it('a stream whose reply ends while Postgres cannot be reached stays open, and is told once it can', async () => {
  const line = await layLine(app.env.DATABASE_URL ?? '');
  const cut = await aProcess(app, 'api', { DATABASE_URL: line.url });
  try {
    const release = app.gemini.hold('unread');
    const sent = await sendAll(crowd, [app.api], (n) => `unread ${n}`).all;
    const watchers = times(5, () => watch(sent, [cut.api]));
    await until('all are open', () => watchers.every(({ watcher }) => watcher.isOpen));
    await line.cut();
    release();
    await until('all replies are shown', () => watchers.every(({ watcher }) => watcher.text !== ''));
    await theAftermath('replies that end unread', scene, sent, { before });
    expect(watchers.filter(({ watcher }) => watcher.ended)).toEqual([]);
    await line.mend();
    await theAftermath('replies that could not be read', scene, sent, { before, watchers });
    before.push(...sent);
    expect(notServedOnce(watchers)).toEqual([]);
  } finally {
    await cut.process.kill();
    await line.cut().catch(() => undefined);
  }
});

it('who hears of the streams loses its connection again and again: nothing is missed, nothing comes twice', async () => {
  app.gemini.pace({ firstTokenMs: 100, chunkMs: 60 });
  const sent = await sendAll(crowd, [app.api, second.api], (n) => `lost ${n}`).all;
  const watchers = times(3, () => watch(sent, [second.api]));
  let losses = 0;
  while (!watchers.every(({ watcher }) => watcher.ended)) {
    losses += (await redis.call('CLIENT', 'KILL', 'TYPE', 'PUBSUB')) === 0 ? 0 : 1;
    await untilMoreIsShown(watchers);
  }
  await theAftermath('subscriptions lost', scene, sent, { before, watchers, note: `${losses} losses` });
  before.push(...sent);
  expect(losses).toBeGreaterThan(2);
  expect(notServedOnce(watchers)).toEqual([]);
  expect(wronglyTold(watchers)).toEqual([]);
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

it('a stream that is opened after the connection was lost is live at once', async () => {
  const [silent] = watch([await send(crowd[0] as Place, [app.api], '[[hang]]')], [second.api]);
  await until('it is open', () => silent?.watcher.isOpen);
  await redis.call('CLIENT', 'KILL', 'TYPE', 'PUBSUB');
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

/** Until some more text came, or all have ended. */
async function untilMoreIsShown(watchers: readonly Watched[]): Promise<void> {
  const shown = () => sum(watchers.map(({ watcher }) => watcher.text.length));
  const before = shown();
  await until('more is shown', () => shown() > before || watchers.every(({ watcher }) => watcher.ended));
}

function openWithoutReading(url: string): ClientRequest {
  const request = get(url, { agent: false }, (response) => response.pause());
  return request.on('error', () => undefined);
}

/** Resident memory of a process. Linux; elsewhere there is nothing to compare. */
function residentBytes({ pid }: AppProcess): number {
  if (process.platform !== 'linux') return 0;
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}
