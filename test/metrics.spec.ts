import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { findFreePort } from '../local/services/ports.js';
import type { SimulatedSms } from '../local/simulated-sms/simulated-sms.js';
import { AppProcess } from './support/app-process.js';
import {
  anEvent,
  aCheckout,
  press,
  sendWebhook,
  untilAllEventsProcessed,
  untilTier,
} from './support/billing.js';
import { aMobile, aPrompt, aRoom, aUser, type SignedIn, theReply } from './support/factories.js';
import { sentTo, startSms, theMessage } from './support/messages.js';
import { Scrape } from './support/metrics.js';
import { SseClient } from './support/sse.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

const MODEL = { model: 'gemini-3.8-flash' };
const STATES = ['active', 'delayed', 'failed', 'prioritized', 'waiting'];

let app: TestApp;
let sms: SimulatedSms;
let worker: AppProcess;
let apiMetrics: string;
let workerMetrics: string;
let pro: SignedIn;

beforeAll(async () => {
  sms = await startSms();
  const [apiPort, workerPort] = [await findFreePort(), await findFreePort()];
  apiMetrics = `http://127.0.0.1:${apiPort}`;
  workerMetrics = `http://127.0.0.1:${workerPort}`;
  app = await startTestApp({
    ...sentTo(sms),
    OTP_DELIVERY: 'response',
    PROCESS_ROLE: 'api',
    METRICS_PORT: String(apiPort),
    BASIC_DAILY_PROMPTS: '1',
    REPLY_MAX_ATTEMPTS: '2',
    STRIPE_EVENT_MAX_ATTEMPTS: '2',
    GEMINI_IDLE_TIMEOUT_MS: '60000',
  });
  worker = await AppProcess.start({ ...app.env, PROCESS_ROLE: 'worker', METRICS_PORT: String(workerPort) });
  pro = await aUser(app, { tier: 'pro' });
});
afterAll(async () => {
  await worker.kill();
  await Promise.all([app.stop(), sms.close()]);
});

const api = (): Promise<Scrape> => Scrape.of(apiMetrics);
const workers = (): Promise<Scrape> => Scrape.of(workerMetrics);

/** What a count has become once it is more than it was. */
const untilMore = (
  scrape: () => Promise<Scrape>,
  than: number,
  name: string,
  labels: Record<string, string>,
) =>
  until(`${name} is more than ${than}`, async () => {
    const value = (await scrape()).value(name, labels) ?? 0;
    return value > than && value;
  });

const answered = async (content: string) =>
  theReply(app, pro, await aPrompt(app, pro, await aRoom(app, pro), content));

it('requests are counted by route template, method and status; what meets no route is one', async () => {
  const room = await aRoom(app, pro);
  for (const path of [`/v1/chatrooms/${room.id}`, '/v1/chatrooms/1', `/v1/chatrooms/${pro.id}`]) {
    await app.api.get(path, pro);
  }
  for (const path of ['/nowhere', '/wp-admin/setup.php', '/%E0%A4%A']) await app.api.get(path);
  await fetch(`${app.api.url}/v1/users/me`, { method: 'REPORT' });
  const scrape = await api();
  const count = (route: string, method: string, status: number) =>
    scrape.value('http_request_duration_seconds_count', { route, method, status: String(status) });
  expect(count('/v1/chatrooms/:id', 'GET', 200)).toBe(1);
  expect(count('/v1/chatrooms/:id', 'GET', 400)).toBe(1);
  expect(count('/v1/chatrooms/:id', 'GET', 404)).toBe(1);
  expect(count('unmatched', 'GET', 404)).toBe(2);
  expect(count('unmatched', 'other', 404)).toBe(1);
  const buckets = scrape.all('http_request_duration_seconds_bucket', {
    route: '/v1/chatrooms/:id',
    status: '200',
  });
  expect(buckets.at(-1)).toMatchObject({ labels: { le: '+Inf' }, value: 1 });
});

it('replies are counted by outcome and reason, where they became final, with how long people waited', async () => {
  await answered('hello');
  await answered('[[block]]');
  await answered('[[503]]');
  await answered('[[503 x1]]');
  const release = app.gemini.hold('held');
  const cancelled = await aPrompt(app, pro, await aRoom(app, pro), 'held');
  await app.api.post(`${cancelled.links.reply}/cancel`, undefined, pro);
  release();

  const count = 'chat_reply_duration_seconds_count';
  const scrape = await workers();
  expect(scrape.value(count, { status: 'completed', code: '' })).toBe(2);
  expect(scrape.value(count, { status: 'blocked', code: 'PROMPT_BLOCKED' })).toBe(1);
  expect(scrape.value(count, { status: 'failed', code: 'MODEL_UNAVAILABLE' })).toBe(1);
  expect((await api()).value(count, { status: 'cancelled', code: '' })).toBe(1);
  // Those that were answered.
  expect(scrape.value('chat_reply_first_token_seconds_count')).toBe(2);
  const waited = scrape.value('chat_reply_first_token_seconds_sum') ?? 0;
  expect(waited).toBeGreaterThan(0);
  expect(waited).toBeLessThan(60);
});

it('calls to Gemini are counted by outcome, and what they cost by model', async () => {
  const before = await workers();
  const { promptTokens, outputTokens } = await answered('What does it cost?');
  await answered('[[429-daily]]');
  const scrape = await workers();
  const grown = (name: string, labels: Record<string, string>) =>
    (scrape.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0);
  expect(grown('chat_gemini_call_duration_seconds_count', { ...MODEL, outcome: 'answered' })).toBe(1);
  expect(grown('chat_gemini_call_duration_seconds_count', { outcome: 'MODEL_DAILY_QUOTA_EXHAUSTED' })).toBe(
    1,
  );
  expect(grown('chat_gemini_first_token_seconds_count', MODEL)).toBe(1);
  expect(grown('chat_gemini_tokens_total', { ...MODEL, kind: 'prompt' })).toBe(promptTokens);
  expect(grown('chat_gemini_tokens_total', { ...MODEL, kind: 'output' })).toBe(outputTokens);
});

it('refusals are counted by their code: the quota, a limit, a request that is no HTTP', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user);
  await aPrompt(app, user, room);
  const refused = await app.api.post(`/v1/chatrooms/${room.id}/messages`, { content: 'more' }, user);
  expect(refused.status).toBe(429);
  const tooLong = await fetch(`${app.api.url}/health/live`, { headers: { 'x-long': 'x'.repeat(100_000) } });
  expect(tooLong.status).toBe(431);
  const scrape = await api();
  expect(scrape.value('chat_problems_total', { code: 'DAILY_PROMPT_LIMIT_REACHED' })).toBe(1);
  expect(scrape.value('chat_problems_total', { code: 'HEADERS_TOO_LARGE' })).toBe(1);
});

it('open streams are counted while they are open', async () => {
  const release = app.gemini.hold('watched');
  const { links } = await aPrompt(app, pro, await aRoom(app, pro), 'watched');
  const headers = { authorization: `Bearer ${pro.token}` };
  const [left, stays] = await Promise.all(
    [1, 2].map(() => SseClient.open(`${app.api.url}${links.reply}/stream`, headers)),
  );
  await until('both are open', async () => (await api()).value('chat_open_streams') === 2);
  left?.leave();
  await until('one is open', async () => (await api()).value('chat_open_streams') === 1);
  release();
  await stays?.end();
  await until('none is open', async () => (await api()).value('chat_open_streams') === 0);
});

it('messages with a code are counted by what became of them', async () => {
  const labels = (outcome: string) => ['chat_otp_deliveries_total', { outcome }] as const;
  const [sent, retried, refused] = await Promise.all(
    ['sent', 'retried', 'refused'].map(async (outcome) => (await workers()).value(...labels(outcome)) ?? 0),
  );
  const mobile = aMobile();
  await app.api.post('/v1/auth/send-otp', { mobile });
  await theMessage(sms, mobile);
  await untilMore(workers, sent ?? 0, ...labels('sent'));
  for (const end of ['9990', '9991']) await app.api.post('/v1/auth/send-otp', { mobile: `+1415555${end}` });
  await untilMore(workers, refused ?? 0, ...labels('refused'));
  await untilMore(workers, retried ?? 0, ...labels('retried'));
});

it('webhook events are timed from Stripe on, and those that wait or have failed are told', async () => {
  const lag = 'chat_stripe_event_lag_seconds_count';
  const before = (await workers()).value(lag) ?? 0;
  const user = await aUser(app);
  await press((await aCheckout(app, user)).url, 'Pay');
  await untilTier(app, user, 'pro');
  await untilMore(workers, before, lag, {});
  const { rows } = await app.database.query<{ customer: string }>(
    'SELECT stripe_customer_id AS customer FROM subscriptions WHERE user_id = $1',
    [user.id],
  );
  await untilAllEventsProcessed(app);
  app.stripe.fail({ status: 400, times: 2, path: /^\/v1\/subscriptions/ });
  const event = { type: 'invoice.paid', object: { object: 'invoice', customer: rows[0]?.customer } };
  expect((await sendWebhook(app, anEvent('evt_fails', event))).status).toBe(200);
  await until(
    'it is given up',
    async () => (await api()).value('chat_stripe_events', { status: 'failed' }) === 1,
  );
  expect((await workers()).value('chat_stripe_events', { status: 'failed' })).toBe(1);
});

it('connections, dependencies and how Redis is set up are told', async () => {
  const scrape = await api();
  expect(scrape.value('chat_postgres_pool_max_connections')).toBe(10);
  expect(scrape.value('chat_postgres_pool_connections', { state: 'total' })).toBeGreaterThan(0);
  expect(scrape.value('chat_postgres_pool_connections', { state: 'waiting' })).toBe(0);
  expect(scrape.value('chat_dependency_up', { dependency: 'postgres' })).toBe(1);
  expect(scrape.value('chat_dependency_up', { dependency: 'redis' })).toBe(1);
  expect(scrape.value('chat_redis_append_only')).toBe(0);
  expect(scrape.value('chat_redis_may_evict')).toBe(0);
  expect(scrape.value('chat_redis_memory_bytes', { kind: 'used' })).toBeGreaterThan(100_000);
  expect(scrape.value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
});

it('no label names a person, a number, a room or a secret', async () => {
  for (const { text } of [await api(), await workers()]) {
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
    expect(text).not.toMatch(/\+?1415555|cus_|evt_/);
    for (const secret of [app.env.JWT_SECRET, app.env.GEMINI_API_KEY, app.env.STRIPE_SECRET_KEY]) {
      expect(text).not.toContain(secret);
    }
  }
});

it('metrics are not on the port that people reach', async () => {
  expect((await app.api.get('/metrics')).status).toBe(404);
  expect((await fetch(`${apiMetrics}/v1/users/me`)).status).toBe(404);
});

// Last: the worker that is started anew has counted nothing.
it('what is in the queue and what is owed is told by every process alike, with its age, without a worker too', async () => {
  await worker.stop();
  const room = await aRoom(app, pro);
  const [first, second] = [await aPrompt(app, pro, room, 'one'), await aPrompt(app, pro, room, 'two')];
  await until('time has passed', () => Date.now() - Date.parse(first.prompt.createdAt) > 500);
  const scrape = await api();
  expect(scrape.value('chat_queue_jobs', { queue: 'replies', state: 'prioritized' })).toBe(2);
  expect(scrape.value('chat_queue_oldest_job_age_seconds', { queue: 'replies' })).toBeGreaterThan(0.3);
  expect(scrape.value('chat_queue_oldest_job_age_seconds', { queue: 'titles' })).toBe(0);
  for (const queue of ['replies', 'titles', 'otp-deliveries', 'stripe-events', 'account-deletions']) {
    const told = scrape.all('chat_queue_jobs', { queue });
    expect(told.map(({ labels }) => labels.state).sort()).toEqual(STATES);
  }
  expect(scrape.value('chat_owed_replies')).toBe(2);
  expect(scrape.value('chat_oldest_owed_reply_age_seconds')).toBeGreaterThan(0.3);

  worker = await AppProcess.start({
    ...app.env,
    PROCESS_ROLE: 'worker',
    METRICS_PORT: new URL(workerMetrics).port,
  });
  for (const accepted of [first, second]) await theReply(app, pro, accepted);
  await until('nothing is owed', async () => (await workers()).value('chat_owed_replies') === 0);
  expect((await api()).value('chat_oldest_owed_reply_age_seconds')).toBe(0);
});
