import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { SimulatedSms } from '../local/simulated-sms/simulated-sms.js';
import { findFreePort } from '../local/services/ports.js';
import { AppProcess, type LogLine } from './support/app-process.js';
import { aMobile, aPrompt, aRoom, aUser, type SignedIn, theReply } from './support/factories.js';
import { sentTo, startSms, theMessage } from './support/messages.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { type CollectedSpan, startTraceCollector, type TraceCollector } from './support/trace-collector.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

const PROMPT = 'POST /v1/chatrooms/:chatroomId/messages';
const THEIR_TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const THEIR_SPAN = '00f067aa0ba902b7';
const TRACEPARENT = `00-${THEIR_TRACE}-${THEIR_SPAN}-01`;
/** Words that nobody but the person and the model is to read. */
const SECRET_WORDS = 'my diary of the lighthouse';

let app: TestApp;
let worker: AppProcess;
let collector: TraceCollector;
let sms: SimulatedSms;
let redis: Redis;
let user: SignedIn;
let api: Record<string, string>;

beforeAll(async () => {
  [collector, sms] = await Promise.all([startTraceCollector(), startSms()]);
  const tracing = {
    ...sentTo(sms),
    OTP_DELIVERY: 'response',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    // How often what was collected is sent, ms.
    OTEL_BSP_SCHEDULE_DELAY: '100',
  };
  api = { PROCESS_ROLE: 'api', OTEL_SERVICE_NAME: 'chat-api' };
  app = await startTestApp({ ...tracing, ...api });
  worker = await AppProcess.start({ ...app.env, PROCESS_ROLE: 'worker', OTEL_SERVICE_NAME: 'chat-worker' });
  redis = openRedis(app.redis.url);
  user = await aUser(app, { tier: 'pro' });
});
afterEach(() => {
  app.gemini.behave();
});
afterAll(async () => {
  redis.disconnect();
  await worker.kill();
  await Promise.all([app.stop(), collector.close(), sms.close()]);
});

const restartWith = async (changes: Record<string, string>): Promise<void> => {
  await app.process.stop();
  await app.restart({ ...api, ...changes });
};

/** The first span that was collected with that name and these attributes. */
const theSpan = (name: string, attributes: Record<string, unknown> = {}): Promise<CollectedSpan> =>
  until(`the span ${name} ${JSON.stringify(attributes)} is collected`, () =>
    collector.spans.find(
      (span) =>
        span.name === name &&
        Object.entries(attributes).every(([key, value]) => span.attributes[key] === value),
    ),
  );

/** The spans of a reply: of the request, its job put into the queue, taken from it, and the call to the model. */
async function traceOf(
  replyId: string,
): Promise<[CollectedSpan, CollectedSpan, CollectedSpan, CollectedSpan]> {
  const sent = await theSpan('send replies', { 'messaging.message.id': replyId });
  const worked = await theSpan('process replies', {
    'messaging.message.id': replyId,
    'job.outcome': 'answered',
  });
  const asked = await until('the call is collected', () =>
    collector.spans.find(({ parentSpanId }) => parentSpanId === worked.spanId),
  );
  const request = await until('the request is collected', () =>
    collector.spans.find(({ spanId }) => spanId === sent.parentSpanId),
  );
  return [request, sent, worked, asked];
}

const promptOf = async (content: string, headers: Record<string, string> = {}) => {
  const room = await aRoom(app, user);
  const { body } = await app.api.post<Awaited<ReturnType<typeof aPrompt>>>(
    `/v1/chatrooms/${room.id}/messages`,
    { content },
    { token: user.token, headers },
  );
  return body;
};

const withTrace = (lines: readonly LogLine[], traceId: string) =>
  lines.filter((line) => line.traceId === traceId);

it('a prompt is one trace, from the request through the queue to Gemini, over two processes', async () => {
  const accepted = await promptOf('hello', { 'x-request-id': 'the-request' });
  await theReply(app, user, accepted);
  const [request, sent, worked, asked] = await traceOf(accepted.reply.id);

  expect(new Set([request, sent, worked, asked].map(({ traceId }) => traceId)).size).toBe(1);
  expect(request.parentSpanId ?? '').toBe('');
  expect(sent.parentSpanId).toBe(request.spanId);
  expect(worked.parentSpanId).toBe(sent.spanId);
  expect(asked.parentSpanId).toBe(worked.spanId);
  expect([request, sent, worked, asked].map(({ service, kind }) => [service, kind])).toEqual([
    ['chat-api', 2],
    ['chat-api', 4],
    ['chat-worker', 5],
    ['chat-worker', 3],
  ]);
  expect(request).toMatchObject({
    name: PROMPT,
    attributes: { 'http.route': '/v1/chatrooms/:chatroomId/messages', 'http.response.status_code': 202 },
  });
  expect(JSON.stringify(request.attributes['http.request.header.x-request-id'])).toContain('the-request');
  expect(asked).toMatchObject({
    name: 'chat gemini-3.8-flash',
    failed: false,
    attributes: {
      'gen_ai.request.model': 'gemini-3.8-flash',
      'gen_ai.usage.input_tokens': expect.any(Number),
      'gen_ai.usage.output_tokens': expect.any(Number),
    },
  });
  expect(JSON.stringify(asked.attributes['gen_ai.response.finish_reasons'])).toContain('STOP');
  expect(withTrace(app.process.logs, request.traceId)).toMatchObject([
    { msg: 'request', requestId: 'the-request' },
  ]);
});

it('a try that failed is a failed span with its reason, in the same trace as the next try and its log line', async () => {
  const accepted = await promptOf('[[503 x1]]');
  await theReply(app, user, accepted);
  const [{ traceId }] = await traceOf(accepted.reply.id);
  const calls = collector.spans.filter((span) => span.traceId === traceId && span.name.startsWith('chat '));
  expect(calls.map(({ failed, attributes }) => [failed, attributes['error.type']])).toEqual([
    [true, 'MODEL_UNAVAILABLE'],
    [false, undefined],
  ]);
  expect(withTrace(worker.logs, traceId)).toMatchObject([{ msg: 'Gemini gave no answer' }]);
});

it('a message with a code is a part of the trace of who asked for it', async () => {
  const mobile = aMobile();
  await app.api.post('/v1/auth/send-otp', { mobile });
  const { id } = await theMessage(sms, mobile);
  const delivered = await theSpan('process otp-deliveries', { 'messaging.message.id': id });
  const queued = await theSpan('send otp-deliveries', { 'messaging.message.id': id });
  expect(delivered).toMatchObject({ traceId: queued.traceId, parentSpanId: queued.spanId });
  expect(delivered.attributes['job.outcome']).toBe('sent');
});

it('a trace that a stranger names is linked to and not gone on with; what is no trace is nothing', async () => {
  const linked = await promptOf('linked', { traceparent: TRACEPARENT });
  await theReply(app, user, linked);
  const [request] = await traceOf(linked.reply.id);
  expect(request.traceId).not.toBe(THEIR_TRACE);
  expect(request.links).toMatchObject([{ traceId: THEIR_TRACE, spanId: THEIR_SPAN }]);

  const odd = await promptOf('odd', { traceparent: `00-${'0'.repeat(32)}-nonsense` });
  await theReply(app, user, odd);
  const [other] = await traceOf(odd.reply.id);
  expect(other.links).toEqual([]);
  expect(other.parentSpanId ?? '').toBe('');
});

it('a trace that a trusted proxy names is gone on with', async () => {
  await restartWith({ TRUSTED_PROXIES: '127.0.0.1' });
  const headers = { traceparent: TRACEPARENT, 'x-forwarded-for': '203.0.113.9' };
  const accepted = await promptOf('through the proxy', headers);
  await theReply(app, user, accepted);
  const [request, , , asked] = await traceOf(accepted.reply.id);
  expect(request).toMatchObject({ traceId: THEIR_TRACE, parentSpanId: THEIR_SPAN, links: [] });
  expect(asked.traceId).toBe(THEIR_TRACE);
});

it('a request whose client hangs up ends its span', async () => {
  const release = app.gemini.hold('left alone');
  const { links } = await promptOf('left alone');
  const abort = new AbortController();
  const waiting = fetch(`${app.api.url}${links.wait}`, {
    headers: { authorization: `Bearer ${user.token}` },
    signal: abort.signal,
  }).catch(() => 'left');
  await until('the model is asked', () => app.gemini.openRequests === 1);
  abort.abort();
  expect(await waiting).toBe('left');
  await theSpan('GET /v1/chatrooms/:chatroomId/messages/:id', { 'error.type': 'hung up' });
  release();
});

it('no span holds what people write, their numbers, their tokens, or ids in paths; jobs hold ids only', async () => {
  await worker.stop();
  const accepted = await promptOf(SECRET_WORDS);
  const job = await redis.hgetall(`{queue}:replies:${accepted.reply.id}`);
  expect(JSON.parse(job.data ?? '')).toEqual({ userId: user.id, replyId: accepted.reply.id });
  worker = await AppProcess.start({ ...app.env, PROCESS_ROLE: 'worker', OTEL_SERVICE_NAME: 'chat-worker' });
  await theReply(app, user, accepted);
  await traceOf(accepted.reply.id);
  const collected = collector.bodies.join('\n');
  expect(collected).toContain(accepted.reply.id);
  for (const secret of [
    SECRET_WORDS,
    'You said',
    user.mobile,
    user.token,
    user.id,
    accepted.prompt.chatroomId,
  ]) {
    expect(collected).not.toContain(secret);
  }
  expect(collected).not.toMatch(/1415555\d{4}/);
});

it('what is sampled is up to OTEL_TRACES_SAMPLER', async () => {
  await restartWith({ OTEL_TRACES_SAMPLER: 'always_off' });
  const accepted = await promptOf('not sampled');
  await theReply(app, user, accepted);
  // Whoever is sampled out says so to the worker, too; this one is sampled in, later.
  await restartWith({});
  const next = await promptOf('sampled');
  await theReply(app, user, next);
  await traceOf(next.reply.id);
  expect(collector.bodies.join('\n')).not.toContain(accepted.reply.id);
});

it('without its collector everything works, one line says so, and one when it is back', async () => {
  const port = await findFreePort();
  await restartWith({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: '300',
  });
  const lines = (words: string) => app.process.logs.filter(({ msg }) => String(msg).startsWith(words));
  await theReply(app, user, await promptOf('unseen'));
  await until('it is told', () => lines('Traces cannot be delivered').length > 0);
  await theReply(app, user, await promptOf('unseen, too'));
  const back = await startTraceCollector(port);
  await until('it is over', async () => {
    await app.api.get('/v1/users/me', user);
    return lines('Traces are delivered again').length === 1;
  });
  expect(lines('Traces cannot be delivered')).toHaveLength(1);
  expect(app.process.logs.filter(({ stderr }) => stderr !== undefined)).toEqual([]);
  await back.close();
  const began = performance.now();
  expect(await app.process.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(5000);
  await app.restart(api);
});
