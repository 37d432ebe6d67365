import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { RequestOptions } from './support/api.js';
import { aUser, type SignedIn } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { openRedis } from './support/whole-redis.js';

const PER_ADDRESS = 6;
const PER_PERSON = 4;

let app: TestApp;
let people: SignedIn[];
beforeAll(async () => {
  app = await startTestApp();
  people = [await aUser(app), await aUser(app), await aUser(app)];
  await app.process.kill();
  await app.restart({
    TRUSTED_PROXIES: '127.0.0.1',
    THROTTLE_IP_PER_MINUTE: String(PER_ADDRESS),
    THROTTLE_USER_PER_MINUTE: String(PER_PERSON),
  });
  const redis = openRedis(app.redis.url);
  await redis.flushall();
  redis.disconnect();
});
afterAll(() => app.stop());

let lastAddress = 0;
const anAddress = (): string => `203.0.113.${(lastAddress += 1)}`;

const from = (address: string, token?: string): RequestOptions => ({
  token,
  headers: { 'x-forwarded-for': address },
});

const unauthenticated = (address: string) => app.api.get('/v1/users/me', from(address));

/** Sends so many at once; the statuses, sorted. */
const statuses = async (count: number, send: () => Promise<{ status: number }>): Promise<number[]> =>
  (await Promise.all(Array.from({ length: count }, send))).map(({ status }) => status).sort();

it('an address gets so many requests a minute through, counted exactly, and is told when to come back', async () => {
  const address = anAddress();
  expect(await statuses(PER_ADDRESS + 4, () => unauthenticated(address))).toEqual([
    ...Array<number>(PER_ADDRESS).fill(401),
    ...Array<number>(4).fill(429),
  ]);
  const refused = await unauthenticated(address);
  theProblem(refused, 429, 'TOO_MANY_REQUESTS');
  const wait = Number(refused.headers.get('retry-after'));
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(60);
});

it('all routes of an address share its budget, public ones too, and another address has its own', async () => {
  const address = anAddress();
  const paths = ['/v1/auth/login', '/v1/auth/signup', '/v1/auth/send-otp'];
  for (let sent = 0; sent < PER_ADDRESS; sent += 1) {
    expect((await app.api.post(paths[sent % 3] ?? '', {}, from(address))).status).toBe(400);
  }
  theProblem(await app.api.post('/v1/auth/verify-otp', {}, from(address)), 429, 'TOO_MANY_REQUESTS');
  theProblem(await unauthenticated(address), 429, 'TOO_MANY_REQUESTS');
  theProblem(await unauthenticated(anAddress()), 401, 'UNAUTHENTICATED');
});

it('a person gets so many requests a minute through from all addresses together, and another person their own', async () => {
  const [busy, calm] = people;
  expect(
    await statuses(PER_PERSON + 3, () => app.api.get('/v1/users/me', from(anAddress(), busy?.token))),
  ).toEqual([...Array<number>(PER_PERSON).fill(200), ...Array<number>(3).fill(429)]);
  const refused = await app.api.get('/v1/chatrooms', from(anAddress(), busy?.token));
  theProblem(refused, 429, 'TOO_MANY_REQUESTS');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await app.api.get('/v1/users/me', from(anAddress(), calm?.token))).status).toBe(200);
});

it('an IPv6 network is one address, and the port that a proxy adds makes no other', async () => {
  let turn = 0;
  const of = (address: (n: number) => string) => () => unauthenticated(address((turn += 1)));
  const once = [...Array<number>(PER_ADDRESS).fill(401), 429, 429];
  expect(
    await statuses(
      PER_ADDRESS + 2,
      of((n) => `2001:db8:1:2:${n}::${n}`),
    ),
  ).toEqual(once);
  expect(
    await statuses(
      PER_ADDRESS + 2,
      of((n) => `[2001:db8:1:3::${n}]:${4000 + n}`),
    ),
  ).toEqual(once);
  expect(
    await statuses(
      PER_ADDRESS + 2,
      of((n) => `198.51.100.9:${4000 + n}`),
    ),
  ).toEqual(once);
});

it('opening streams counts for the person who opens them', async () => {
  const token = people[2]?.token;
  const path = `/v1/chatrooms/${randomUUID()}/messages/${randomUUID()}/stream`;
  expect(await statuses(PER_PERSON + 2, () => app.api.get(path, from(anAddress(), token)))).toEqual([
    ...Array<number>(PER_PERSON).fill(404),
    ...Array<number>(2).fill(429),
  ]);
});

it('an address that nobody trusted said of itself is not believed', async () => {
  await app.process.kill();
  await app.restart({ THROTTLE_IP_PER_MINUTE: String(PER_ADDRESS) });
  expect(await statuses(PER_ADDRESS + 2, () => unauthenticated(anAddress()))).toEqual([
    ...Array<number>(PER_ADDRESS).fill(401),
    ...Array<number>(2).fill(429),
  ]);
});

it('health checks and webhooks are never throttled', async () => {
  const many = PER_ADDRESS * 3;
  const all = (status: number): number[] => Array<number>(many).fill(status);
  expect(await statuses(many, () => app.api.get('/health/live'))).toEqual(all(200));
  expect(await statuses(many, () => app.api.get('/health/ready'))).toEqual(all(200));
  expect(await statuses(many, () => app.api.post('/webhook/stripe', {}))).toEqual(all(400));
});
