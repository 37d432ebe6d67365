import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { type PrivateRedis, startRedis } from '../../local/services/redis.js';
import { ReplyChannels } from './reply-channels.js';
import { ReplyEvents } from './reply-events.js';
import { ReplyStream } from './reply-stream.js';

/** Far longer than a test may take: who waits so long was not woken. */
const LONG_MS = 600_000;

let server: PrivateRedis;
let redis: Redis;
let channels: ReplyChannels;
let events: ReplyEvents;
let elsewhere: ReplyStream;

beforeAll(async () => {
  server = await startRedis({ persistent: false });
});
afterAll(() => server.stop());
beforeEach(() => {
  redis = new Redis(server.url);
  channels = new ReplyChannels(redis);
  elsewhere = new ReplyStream(redis);
  events = new ReplyEvents(channels, elsewhere);
});
afterEach(async () => {
  channels.beforeApplicationShutdown();
  await redis.flushall();
  redis.disconnect();
});

it('a listener is woken by its own reply, announced in any process', async () => {
  const [mine, other] = [events.listen('mine'), events.listen('other')];
  await mine.next(LONG_MS); // the subscription is made
  await other.next(LONG_MS);
  let woken = false;
  const waiting = other.next(LONG_MS).then(() => (woken = true));
  await elsewhere.tryFinish('mine', 1);
  await mine.next(LONG_MS);
  expect(woken).toBe(false);
  other.close();
  await waiting;
});

it('who listens is told of a final state that the stream has already, and not of words', async () => {
  await elsewhere.tryFinish('reply', 2);
  const listener = events.listen('reply');
  await listener.next(LONG_MS);
  let told = 0;
  const stopListening = events.onFinal('reply', () => (told += 1));
  await elsewhere.begin('other', 1);
  await elsewhere.tryFinish('reply', 2);
  await listener.next(LONG_MS);
  expect(told).toBe(1);
  stopListening();
});

it('the first listener of a process looks again once it can hear: an announcement before that was lost', async () => {
  const listener = events.listen('reply');
  // Sent on a connection that is there already, so it is out before the subscription is made.
  await elsewhere.tryFinish('reply', 1);
  await listener.next(LONG_MS);
});

it('who listens while the connection is lost looks again when it is back', async () => {
  const listener = events.listen('reply');
  await listener.next(LONG_MS);
  await redis.client('KILL', 'TYPE', 'PUBSUB');
  await listener.next(LONG_MS);
});

it('a listener with nothing to hear returns after the time given, and an event wakes it once', async () => {
  const listener = events.listen('reply');
  await listener.next(LONG_MS);
  const began = performance.now();
  await elsewhere.tryFinish('reply', 1);
  await listener.next(LONG_MS);
  await listener.next(30);
  expect(performance.now() - began).toBeGreaterThan(25);
});

it('the stop of the process wakes everybody, and nobody waits after it', async () => {
  const listeners = ['a', 'b'].map((id) => events.listen(id));
  const waiting = listeners.map((listener) => listener.next(LONG_MS));
  channels.beforeApplicationShutdown();
  await Promise.all(waiting);
  await events.listen('c').next(LONG_MS);
  expect(events.isStopping).toBe(true);
});
