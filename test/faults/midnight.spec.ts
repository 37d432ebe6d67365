import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Api } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';
import { theAftermath } from './support/aftermath.js';
import { aCrowd, sendAll } from './support/crowd.js';
import { SHIFTED_CLOCK } from './support/shifted-clock.js';

const DAY_MS = 86_400_000;
/** What is left of the day when the process starts, and when its clock has jumped with everything in flight. */
const [LEFT_AT_START_MS, LEFT_AT_JUMP_MS] = [120_000, 1500];
const LIMIT = 4;

let app: TestApp;
/** Midnight of the process's clock. */
let midnight: number;

beforeAll(async () => {
  midnight = Math.ceil(Date.now() / DAY_MS) * DAY_MS;
  app = await startTestApp({
    NODE_OPTIONS: SHIFTED_CLOCK,
    CLOCK_SHIFT_MS: String(midnight - LEFT_AT_START_MS - Date.now()),
    CLOCK_JUMP_TO: String(midnight - LEFT_AT_JUMP_MS),
    BASIC_DAILY_PROMPTS: String(LIMIT),
  });
});
afterAll(() => app.stop());

const usage = async (api: Api, token: string) =>
  (await api.get<{ used: number; remaining: number; resetAt: string }>('/v1/users/me/usage', { token })).body;

it('prompts in flight at midnight belong to their day, also where they are given back, and the new day is whole', async () => {
  const crowd = await aCrowd(app, { people: 50, roomsEach: LIMIT });
  const people = [...new Map(crowd.map(({ user }) => [user.id, user])).values()];
  const release = app.gemini.hold('');
  // Of each person's prompts one is refused by the model.
  const sent = await sendAll(crowd, [app.api], (n) => (n % LIMIT === 0 ? '[[block]]' : `late ${n}`)).all;
  const full = await Promise.all(people.map(({ token }) => usage(app.api, token)));
  expect(full.every(({ used, resetAt }) => used === LIMIT && Date.parse(resetAt) === midnight)).toBe(true);
  const place = crowd[0] as (typeof crowd)[number];
  const path = `/v1/chatrooms/${place.room.id}/messages`;
  const oneMore = () => app.api.post(path, { content: 'one more' }, { token: place.user.token });
  expect(await oneMore()).toMatchObject({ status: 429, body: { code: 'DAILY_PROMPT_LIMIT_REACHED' } });
  await until('the model has them all', () => app.gemini.openRequests === crowd.length);

  app.process.signal('SIGCONT');
  const afterwards = () => usage(app.api, place.user.token);
  await until('it is the next day', async () => (await afterwards()).used === 0);
  release();
  const scene = { api: app.api, database: app.database, redisUrl: app.redis.url };
  const { outcomes } = await theAftermath('midnight', scene, sent);
  expect(outcomes).toEqual({ completed: crowd.length - people.length, blocked: people.length });

  // The whole limit of the new day, and not one more.
  const next = await sendAll(crowd, [app.api], (n) => `today ${n}`).all;
  expect(await oneMore()).toMatchObject({ status: 429 });
  await theAftermath('the day after', scene, next, { before: sent });
  for (const { used, remaining } of await Promise.all(people.map(({ token }) => usage(app.api, token)))) {
    expect({ used, remaining }).toEqual({ used: LIMIT, remaining: 0 });
  }
});
