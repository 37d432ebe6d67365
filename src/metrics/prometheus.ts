import { collectDefaultMetrics, Counter, Gauge, Histogram, register } from 'prom-client';
import { facts } from './facts.js';

/*
 * Every metric but the process's own (`nodejs_…`, `process_…`). All labels are bounded: routes as they are declared,
 * codes of ours, queues, models that may be asked for.
 *
 * `per process` metrics add up; `of the whole system` ones are read when a process is asked for its metrics and are the
 * same in every process: take their max.
 */

/** Up to what an answer without a model in it takes; long polls and streams take longer. */
const REQUEST_SECONDS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const MODEL_SECONDS = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 60];
/** A reply can wait for its turn, and for a rate limit to pass. */
const REPLY_SECONDS = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 60, 300, 900];
/** Stripe itself tries for three days. */
const EVENT_SECONDS = [0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86_400];

// Per process.

export const requests = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Requests that were answered in full, by route template ("unmatched": none)',
  labelNames: ['method', 'route', 'status'],
  buckets: REQUEST_SECONDS,
});

const problems = new Counter({
  name: 'chat_problems_total',
  help: 'Problem documents answered, by code; DAILY_PROMPT_LIMIT_REACHED is the quota',
  labelNames: ['code'],
});

const openStreams = new Gauge({ name: 'chat_open_streams', help: 'Open streams of live replies' });

const replies = new Histogram({
  name: 'chat_reply_duration_seconds',
  help: 'Replies that got their final state, from when they were accepted',
  labelNames: ['status', 'code'],
  buckets: REPLY_SECONDS,
});

const firstTokens = new Histogram({
  name: 'chat_reply_first_token_seconds',
  help: 'From when an answered prompt was accepted to the first word of its reply',
  buckets: REPLY_SECONDS,
});

const modelCalls = new Histogram({
  name: 'chat_gemini_call_duration_seconds',
  help: 'Calls to Gemini, by model asked for and outcome (answered, aborted, or an error code)',
  labelNames: ['model', 'outcome'],
  buckets: MODEL_SECONDS,
});

const modelFirstTokens = new Histogram({
  name: 'chat_gemini_first_token_seconds',
  help: 'From a call to Gemini to its first word',
  labelNames: ['model'],
  buckets: MODEL_SECONDS,
});

const tokens = new Counter({
  name: 'chat_gemini_tokens_total',
  help: 'Tokens that Gemini counted, by kind (prompt, output)',
  labelNames: ['model', 'kind'],
});

const otpDeliveries = new Counter({
  name: 'chat_otp_deliveries_total',
  help: 'Messages with a one-time code, by outcome (retried: a try failed and another follows)',
  labelNames: ['outcome'],
});

const stripeEventLag = new Histogram({
  name: 'chat_stripe_event_lag_seconds',
  help: 'From when Stripe made an event to when it was acted on',
  buckets: EVENT_SECONDS,
});

export const pool = new Gauge({
  name: 'chat_postgres_pool_connections',
  help: 'Connections to Postgres by state (total, idle), and requests that wait for one (waiting)',
  labelNames: ['state'],
});

export const poolMax = new Gauge({
  name: 'chat_postgres_pool_max_connections',
  help: 'Connections to Postgres that this process may have',
});

export const dependencyUp = new Gauge({
  name: 'chat_dependency_up',
  help: 'Whether Postgres and Redis answered this process in time just now',
  labelNames: ['dependency'],
});

// Of the whole system.

export const queueJobs = new Gauge({
  name: 'chat_queue_jobs',
  help: 'Jobs by queue and state',
  labelNames: ['queue', 'state'],
});

export const queueAge = new Gauge({
  name: 'chat_queue_oldest_job_age_seconds',
  help: 'For how long the next job of a queue has waited for a worker; 0: none waits',
  labelNames: ['queue'],
});

export const owedReplies = new Gauge({
  name: 'chat_owed_replies',
  help: 'Prompts without an outcome yet, as Postgres has them',
});

export const owedReplyAge = new Gauge({
  name: 'chat_oldest_owed_reply_age_seconds',
  help: 'For how long the oldest of them has been owed; 0: none is',
});

export const stripeEvents = new Gauge({
  name: 'chat_stripe_events',
  help: 'Webhook events that are to be acted on (pending) or were given up (failed)',
  labelNames: ['status'],
});

export const stripeEventAge = new Gauge({
  name: 'chat_stripe_oldest_pending_event_age_seconds',
  help: 'For how long the oldest pending webhook event has been here; 0: none is',
});

export const redisMayEvict = new Gauge({
  name: 'chat_redis_may_evict',
  help: '1 where Redis has a limit of memory and a policy to evict keys: it may lose jobs',
});

export const redisPersists = new Gauge({
  name: 'chat_redis_append_only',
  help: '1 where Redis writes an append-only file',
});

export const redisMemory = new Gauge({
  name: 'chat_redis_memory_bytes',
  help: 'Memory of Redis: used, and the limit (0: none)',
  labelNames: ['kind'],
});

collectDefaultMetrics();
export const registry = register;

facts.problemAnswered.listen((code) => {
  problems.inc({ code });
});
facts.streamsChanged.listen((by) => {
  openStreams.inc(by);
});
facts.replyEnded.listen(({ status, errorCode, seconds, firstTokenSeconds }) => {
  replies.observe({ status, code: errorCode ?? '' }, seconds);
  if (firstTokenSeconds !== null) firstTokens.observe(firstTokenSeconds);
});
facts.modelCalled.listen(({ model, outcome, seconds, firstTokenSeconds, promptTokens, outputTokens }) => {
  modelCalls.observe({ model, outcome }, seconds);
  if (firstTokenSeconds !== null) modelFirstTokens.observe({ model }, firstTokenSeconds);
  tokens.inc({ model, kind: 'prompt' }, promptTokens);
  tokens.inc({ model, kind: 'output' }, outputTokens);
});
facts.otpDelivered.listen((outcome) => {
  otpDeliveries.inc({ outcome });
});
facts.stripeEventProcessed.listen((lagSeconds) => {
  stripeEventLag.observe(lagSeconds);
});
