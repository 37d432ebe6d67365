import { Agent, request } from 'node:http';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { anEvent, customerOf, pay, sign, subscriptionOf } from './support/billing.js';
import { aPrompt, aRoom, aUser, type SignedIn, theReply } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

const EVENTS = 2000;
const PAYERS = 20;

let app: TestApp;
/** As many as Stripe would hardly open to one receiver. */
const CONNECTIONS = 100;
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

beforeAll(async () => {
  app = await startTestApp();
  app.stripe.setWebhooks('lose');
});
afterAll(async () => {
  agent.destroy();
  await app.stop();
});

/** Returns the status, and ms from when it was begun. Plain HTTP: `fetch` would be measured more than the application. */
function post(payload: string, signature: string): Promise<{ status: number; ms: number }> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    request(
      `${app.process.url}/webhook/stripe`,
      {
        agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'stripe-signature': signature },
      },
      (response) => {
        response.resume().once('end', () => {
          resolve({ status: response.statusCode ?? 0, ms: performance.now() - began });
        });
      },
    )
      .once('error', reject)
      .end(payload);
  });
}

const percentile = (sorted: readonly number[], part: number): number =>
  Math.round(sorted[Math.ceil(sorted.length * part) - 1] ?? 0);

it('2,000 webhooks in a burst are all taken, and people chat on', async () => {
  const chatter = await aUser(app);
  const room = await aRoom(app, chatter);
  const payers: SignedIn[] = [];
  for (let made = 0; made < PAYERS; made += 1) payers.push(await aUser(app));
  await Promise.all(payers.map((payer) => pay(app, payer)));
  const customers = await Promise.all(payers.map((payer) => customerOf(app, payer)));

  const events = Array.from({ length: EVENTS }, (_, index) =>
    anEvent(`evt_burst_${index}`, {
      type: 'invoice.paid',
      object: { object: 'invoice', customer: customers[index % PAYERS] },
    }),
  );
  const signed = events.map((payload) => [payload, sign(app, payload)] as const);
  const waiting = signed.values();
  const answers: Awaited<ReturnType<typeof post>>[] = [];
  const began = performance.now();
  const burst = Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      for (const [payload, signature] of waiting) answers.push(await post(payload, signature));
    }),
  );
  const asked = performance.now();
  const accepted = await aPrompt(app, chatter, room);
  const chatMs = Math.round(performance.now() - asked);
  await theReply(app, chatter, accepted);
  const replyMs = Math.round(performance.now() - asked);
  await burst;
  const allMs = Math.round(performance.now() - began);

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const times = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  process.stdout.write(
    `burst: ${EVENTS} webhooks over ${CONNECTIONS} connections, all within ${allMs} ms, p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms; ` +
      `a prompt meanwhile: accepted after ${chatMs} ms, answered after ${replyMs} ms\n`,
  );
  await until('every event is acted on', async () => {
    const { rows } = await app.database.query<{ done: number }>(
      `SELECT count(*)::int AS done FROM stripe_events WHERE status = 'processed'`,
    );
    return rows[0]?.done === EVENTS;
  });
  for (const payer of payers) expect(await subscriptionOf(app, payer)).toMatchObject({ tier: 'pro' });
}, 120_000);
