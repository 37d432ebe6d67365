/**
 * What 50 logins with a password a second do to somebody who lists their rooms: `npm run build` and then
 * `node --import tsx bench/logins.ts [rounds]`. Open loop: every request is sent when it is due, however late the
 * answers are, and its time runs from then. Each round measures the machine quiet first, so that figures compare.
 */
import { Agent, request } from 'node:http';
import { startShared } from '../test/setup/shared-services.js';
import { startTestApp, type TestApp } from '../test/support/test-app.js';

const SECONDS = Number(process.env.SECONDS ?? 20);
const READS_PER_SECOND = 50;
const LOGINS_PER_SECOND = Number(process.env.LOGINS_PER_SECOND ?? 50);
const MEMBERS = 50;
const PASSWORD = 'a passphrase of mine';

const agent = new Agent({ keepAlive: true, maxSockets: 1000 });

interface Outcome {
  status: number;
  ms: number;
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param due `performance.now()` from which the time runs */
function send(app: TestApp, due: number, method: string, path: string, token?: string, body?: object) {
  return new Promise<Outcome>((resolve, reject) => {
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const sent = request(app.api.url + path, { method, agent, headers }, (response) => {
      response.resume().once('end', () => {
        resolve({ status: response.statusCode ?? 0, ms: performance.now() - due });
      });
    });
    sent.once('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function openLoop(perSecond: number, each: (n: number, due: number) => Promise<Outcome>) {
  const began = performance.now();
  const answers: Promise<Outcome>[] = [];
  for (let n = 0; n < perSecond * SECONDS; n += 1) {
    const due = began + (n * 1000) / perSecond;
    if (due > performance.now()) await wait(due - performance.now());
    answers.push(each(n, due));
  }
  return Promise.all(answers);
}

function figures(outcomes: Outcome[]): { p50: number; p99: number; statuses: Record<string, number> } {
  const sorted = outcomes.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number): number => Number((sorted[Math.floor(sorted.length * share)] ?? NaN).toFixed(1));
  const statuses: Record<string, number> = {};
  for (const { status } of outcomes) statuses[status] = (statuses[status] ?? 0) + 1;
  return { p50: at(0.5), p99: at(0.99), statuses };
}

async function members(app: TestApp): Promise<{ mobiles: string[]; token: string }> {
  const mobiles = Array.from({ length: MEMBERS }, (_, n) => `+1415555${String(n).padStart(4, '0')}`);
  let token = '';
  for (const mobile of mobiles) {
    await app.api.post('/v1/auth/signup', { mobile, password: PASSWORD });
    const { body } = await app.api.post<{ otp: string }>('/v1/auth/send-otp', { mobile });
    const session = await app.api.post<{ accessToken: string }>('/v1/auth/verify-otp', {
      mobile,
      otp: body.otp,
    });
    token = session.body.accessToken;
  }
  for (let n = 0; n < 20; n += 1) await app.api.post('/v1/chatrooms', { title: `Room ${n}` }, { token });
  return { mobiles, token };
}

async function round(
  app: TestApp,
  { mobiles, token }: { mobiles: string[]; token: string },
): Promise<number> {
  const read = (_n: number, due: number) => send(app, due, 'GET', '/v1/chatrooms', token);
  const logIn = (n: number, due: number) =>
    send(app, due, 'POST', '/v1/auth/login', undefined, { mobile: mobiles[n % MEMBERS], password: PASSWORD });
  const quiet = figures(await openLoop(READS_PER_SECOND, read));
  const [reads, logins] = await Promise.all([
    openLoop(READS_PER_SECOND, read),
    openLoop(LOGINS_PER_SECOND, logIn),
  ]);
  const busy = figures(reads);
  const factor = busy.p99 / quiet.p99;
  console.log({ quiet, busy, logins: figures(logins), 'p99 busy / quiet': Number(factor.toFixed(2)) });
  return factor;
}

const stopShared = await startShared();
const app = await startTestApp({
  PASSWORD_HASH_WAITING_MAX: '100',
  LOG_LEVEL: 'error',
  JWT_TTL_SECONDS: '86400',
  ...settingsGiven(),
});
try {
  const people = await members(app);
  const factors: number[] = [];
  for (let n = 0; n < Number(process.argv[2] ?? 3); n += 1) factors.push(await round(app, people));
  const median = factors.sort((a, b) => a - b)[Math.floor(factors.length / 2)];
  console.log(`Median of p99 with ${LOGINS_PER_SECOND} logins a second / p99 quiet: ${median?.toFixed(2)}`);
} finally {
  agent.destroy();
  await app.stop();
  await stopShared();
}

/** PASSWORD_* from the environment, to compare settings. */
function settingsGiven(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] =>
      entry[0].startsWith('PASSWORD_'),
    ),
  );
}
