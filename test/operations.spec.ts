import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { findFreePort } from '../local/services/ports.js';
import { AppProcess } from './support/app-process.js';
import { type CuttableLine, layLine } from './support/cuttable-line.js';
import { layRedisLine } from './support/engines.js';
import { aPrompt, aRoom, aUser, type SignedIn } from './support/factories.js';
import { Scrape } from './support/metrics.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

interface Health {
  status: string;
  checks: Record<string, string>;
}

let app: TestApp;
let toRedis: CuttableLine;
let toPostgres: CuttableLine;
let worker: AppProcess | undefined;
let ops: string;
let user: SignedIn;

beforeAll(async () => {
  app = await startTestApp({ PROCESS_ROLE: 'api' });
  [toRedis, toPostgres] = await Promise.all([layRedisLine(app.redis), layLine(app.env.DATABASE_URL ?? '')]);
  user = await aUser(app, { tier: 'pro' });
});
afterEach(async () => {
  app.gemini.behave();
  await worker?.kill();
  worker = undefined;
});
afterAll(async () => {
  await app.stop();
  await Promise.all([toRedis.cut(), toPostgres.cut()]);
});

/** Settings by which a process serves operators, at `ops`. */
async function served(): Promise<Record<string, string>> {
  const port = await findFreePort();
  ops = `http://127.0.0.1:${port}`;
  return { METRICS_PORT: String(port) };
}

async function startWorker(settings: Record<string, string> = {}): Promise<AppProcess> {
  worker = await AppProcess.start({ ...app.env, PROCESS_ROLE: 'worker', ...(await served()), ...settings });
  return worker;
}

async function health(of: 'live' | 'ready', at = ops): Promise<{ status: number; body: Health }> {
  const response = await fetch(`${at}/health/${of}`);
  return { status: response.status, body: (await response.json()) as Health };
}

const untilReady = (status: number): Promise<true> =>
  until(`ready is ${status}`, () =>
    health('ready').then(
      (answer) => answer.status === status,
      // It listens in a moment.
      () => false,
    ),
  );

describe('a worker', () => {
  it('says that it lives and that it takes jobs', async () => {
    await startWorker();
    expect(await health('live')).toEqual({ status: 200, body: { status: 'ok', checks: {} } });
    expect(await health('ready')).toEqual({
      status: 200,
      body: { status: 'ok', checks: { postgres: 'up', redis: 'up', workers: 'up' } },
    });
    expect((await fetch(`${ops}/`)).status).toBe(404);
  });

  it('is not ready while Redis or Postgres is away, and lives on; metrics come in time, without what cannot be read', async () => {
    await startWorker({ REDIS_URL: toRedis.url, DATABASE_URL: toPostgres.url });
    await toRedis.cut();
    await untilReady(503);
    expect((await health('live')).status).toBe(200);
    const began = performance.now();
    const withoutRedis = await Scrape.of(ops);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(withoutRedis.value('chat_dependency_up', { dependency: 'redis' })).toBe(0);
    expect(withoutRedis.all('chat_queue_jobs')).toEqual([]);
    expect(withoutRedis.all('chat_redis_append_only')).toEqual([]);
    expect(withoutRedis.value('chat_owed_replies')).toBe(0);
    await toRedis.mend();
    await untilReady(200);

    await toPostgres.cut();
    await untilReady(503);
    const withoutPostgres = await Scrape.of(ops);
    expect(withoutPostgres.value('chat_dependency_up', { dependency: 'postgres' })).toBe(0);
    expect(withoutPostgres.all('chat_owed_replies')).toEqual([]);
    expect(withoutPostgres.all('chat_stripe_events')).toEqual([]);
    await toPostgres.mend();
    await untilReady(200);
    // A reading that was begun before may still be waited for.
    const back = await until('both are read again', async () => {
      const scrape = await Scrape.of(ops);
      return scrape.value('chat_dependency_up') === 2 && scrape;
    });
    expect(back.all('chat_queue_jobs').length).toBeGreaterThan(0);
  });

  it('that is told to stop is not ready from then on, lives, and finishes what it is at', async () => {
    const stopping = await startWorker({ SHUTDOWN_DELAY_MS: '300000' });
    const release = app.gemini.hold('in flight');
    const accepted = await aPrompt(app, user, await aRoom(app, user), 'in flight');
    await until('the model is asked', () => app.gemini.openRequests === 1);
    const stopped = stopping.stop();
    await untilReady(503);
    expect((await health('ready')).body).toEqual({ status: 'stopping', checks: {} });
    expect((await health('live')).status).toBe(200);
    release();
    // It has no traffic to wait for, so the delay is not for it.
    expect(await stopped).toBe(0);
    const reply = await app.api.get<{ status: string }>(accepted.links.reply, user);
    expect(reply.body.status).toBe('completed');
  });
});

describe('a process that serves people and is told to stop', () => {
  const restartWith = async (settings: Record<string, string>): Promise<void> => {
    await app.process.kill();
    await app.restart({ ...(await served()), ...settings });
  };

  it('is not ready from then on, and serves all the same until those who send to it have had time to see', async () => {
    await restartWith({ SHUTDOWN_DELAY_MS: '3000' });
    const began = performance.now();
    const stopped = app.process.stop();
    await untilReady(503);
    expect(await health('ready', app.api.url)).toEqual({
      status: 503,
      body: { status: 'stopping', checks: {} },
    });
    const served = await app.api.get('/v1/users/me', user);
    expect(served.status).toBe(200);
    expect(served.headers.get('connection')).toBe('close');
    expect(await stopped).toBe(0);
    expect(performance.now() - began).toBeGreaterThan(2900);
  });

  it('lets streams run on meanwhile', async () => {
    await restartWith({ SHUTDOWN_DELAY_MS: '3000', PROCESS_ROLE: 'all' });
    const release = app.gemini.hold('streamed');
    const accepted = await aPrompt(app, user, await aRoom(app, user), 'streamed');
    const stream = await fetch(`${app.api.url}${accepted.links.reply}/stream`, {
      headers: { authorization: `Bearer ${user.token}` },
    });
    const text = stream.text();
    const stopped = app.process.stop();
    await untilReady(503);
    release();
    expect(await text).toContain('event: done');
    expect(await stopped).toBe(0);
  });

  it('stops at once where no delay is set', async () => {
    await restartWith({});
    const began = performance.now();
    expect(await app.process.stop()).toBe(0);
    expect(performance.now() - began).toBeLessThan(3000);
  });
});

it('a command beside a running process leaves its port alone, and does not wait as it does', async () => {
  await app.process.kill();
  const env = { ...app.env, ...(await served()), SHUTDOWN_DELAY_MS: '300000' };
  await app.restart(env);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['dist/src/admin-command.js', 'replay-webhooks'],
    {
      env: { PATH: process.env.PATH, ...env, LOG_LEVEL: 'silent' },
    },
  );
  expect(stdout).toContain('given up');
  await untilReady(200);
});

it('a port that is taken stops the process at boot, and says so', async () => {
  // The port of the process before.
  worker = AppProcess.spawn({ ...app.env, PROCESS_ROLE: 'worker', METRICS_PORT: new URL(ops).port });
  expect(await worker.exited).toBe(1);
  expect(JSON.stringify(worker.logs)).toContain('EADDRINUSE');
});
