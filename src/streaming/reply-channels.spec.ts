import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { OwnRedis } from '../../test/support/own-redis.js';
import { until } from '../../test/support/until.js';
import { keys } from '../redis/keys.js';
import { ReplyChannels } from './reply-channels.js';
import { readPublished, ReplyStream } from './reply-stream.js';

/** Before Redis 7 there were none of these. */
const AS_BEFORE_7 = ['SPUBLISH', 'SSUBSCRIBE'].flatMap((command) => ['--rename-command', command, '']);

describe.each([
  ['sharded channels', []],
  ['ordinary channels, as before Redis 7', AS_BEFORE_7],
])('with %s', (_what, settings: string[]) => {
  let server: OwnRedis;
  let redis: Redis;
  let channels: ReplyChannels;
  let stream: ReplyStream;

  beforeAll(async () => {
    server = await OwnRedis.start(['--save', '', ...settings]);
    redis = new Redis(server.url);
    stream = new ReplyStream(redis);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.kill();
  });
  beforeEach(async () => {
    await redis.flushall();
    channels = new ReplyChannels(redis);
  });
  afterEach(() => {
    channels.beforeApplicationShutdown();
  });

  /** Of one reply: what was heard, and how often there was reason to look. */
  function follow(id = 'reply') {
    const heard: string[] = [];
    const seen = { heard, looks: 0, unfollow: (): void => undefined };
    seen.unfollow = channels.follow(keys.replyStream(id), (message) => {
      if (message === undefined) seen.looks += 1;
      else heard.push(message);
    });
    return seen;
  }

  const channelsOf = async () => [
    ...((await redis.call('PUBSUB', 'SHARDCHANNELS')) as string[]),
    ...((await redis.call('PUBSUB', 'CHANNELS')) as string[]),
  ];

  it('every entry is heard as it was written, with the one before it', async () => {
    const seen = follow();
    await until('it is heard', () => seen.looks === 1);
    await stream.begin('reply', 1);
    await stream.delta('reply', 1, ' two  words\n');
    await stream.delta('reply', 1, '');
    await stream.tryFinish('reply', 1);
    await until('all is heard', () => seen.heard.length === 4);
    const published = seen.heard.map(readPublished);
    const stored = await stream.read('reply', '0-0');
    expect(published.map(({ event }) => event)).toEqual(stored);
    expect(published.map(({ afterId }) => afterId)).toEqual([
      '0-0',
      ...stored.slice(0, 3).map(({ id }) => id),
    ]);
  });

  it('what is not written is not heard, nor what is written to others', async () => {
    const seen = follow();
    await until('it is heard', () => seen.looks === 1);
    expect(await stream.delta('reply', 1, 'nothing before it')).toBe('lost');
    await stream.begin('other', 1);
    await stream.begin('reply', 2);
    expect(await stream.delta('reply', 1, 'of an attempt that is void')).toBe('fenced');
    await stream.delta('reply', 2, 'last');
    await until('the last is heard', () => seen.heard.length >= 2);
    expect(seen.heard.map((message) => readPublished(message).event.type)).toEqual(['restart', 'delta']);
  });

  it('who follows is told to look once it is heard, and again after a lost connection', async () => {
    const [one, two] = [follow('one'), follow('two')];
    await until('both are heard', () => one.looks === 1 && two.looks === 1);
    await redis.client('KILL', 'TYPE', 'PUBSUB');
    await until('both look again', () => one.looks === 2 && two.looks === 2);
    await stream.begin('two', 1);
    await until('it is heard again', () => two.heard.length === 1);
    expect(one.heard).toEqual([]);
  });

  it('the second who follows looks at once, and the last who leaves ends it', async () => {
    const one = follow();
    await until('it is heard', () => one.looks === 1);
    const two = follow();
    await until('the second looks', () => two.looks === 1);
    expect(one.looks).toBe(1);
    one.unfollow();
    await stream.begin('reply', 1);
    await until('the second hears', () => two.heard.length === 1);
    expect(one.heard).toEqual([]);
    two.unfollow();
    await until('nothing is subscribed to', async () => (await channelsOf()).length === 0);
  });

  it('who leaves before it is heard leaves nothing behind', async () => {
    const stays = follow('stays');
    follow('leaves').unfollow();
    await until('the other one is heard', () => stays.looks === 1);
    await until('one is subscribed to', async () => (await channelsOf()).length === 1);
  });

  it('where nothing may be heard, who follows looks again and again', async () => {
    await redis.acl('SETUSER', 'default', 'resetchannels');
    const seen = follow();
    await until('it looks', () => seen.looks > 2);
    expect(await stream.begin('reply', 1)).toBe('ok');
    await redis.acl('SETUSER', 'default', 'allchannels');
    await until('it is heard', async () => {
      await stream.delta('reply', 1, 'x');
      return seen.heard.length > 0;
    });
  });
});
