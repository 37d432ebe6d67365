import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { AppProcess } from '../../test/support/app-process.js';
import type { TestApp } from '../../test/support/test-app.js';
import type { Bench } from '../harness/bench.js';
import type { Case, Subject } from '../harness/case.js';
import { memory } from '../harness/proc.js';
import { LIMIT_STREAMS } from '../limits/stream-channel.js';
import { oweReplies } from '../support/owed-replies.js';
import { addRooms, type Person, somePeople } from '../support/people.js';
import { messagesOf } from '../support/prompts.js';
import { admitToLimits } from '../support/sessions.js';

const SIZES = [5000, 10_000];
const PEOPLE = 200;
/** Streams opened and left again before, so that what a process takes at first is not counted to the others. */
const FIRST = 500;
const SETTLE_MS = 6000;
const KB = 1024;

interface Server {
  pid: number;
  url: string;
  paths: { path: string; token: string }[];
  /** Gives every stream words and an end. */
  release(): Promise<() => Promise<unknown>>;
  stop(): Promise<unknown>;
}

/** The least of the resident memory within some seconds, bytes: what comes and goes with garbage is not held by streams. */
async function restingMemory(pid: number, ms: number): Promise<number> {
  let least = Infinity;
  const end = performance.now() + ms;
  while (performance.now() < end) {
    least = Math.min(least, memory(pid).now);
    await sleep(200);
  }
  return least;
}

export const streams: Case = {
  name: 'streams',
  about:
    'open streams of pending replies on one API process: its memory for each, and whether each gets its reply',
  load: `opened 100 at a time, each from an address of its own; a worker then starts and answers all (REPLY_CONCURRENCY=200, model 0 ms)`,
  async prepare(bench) {
    const model = await bench.startModel();
    const app = await bench.startApp({ PROCESS_ROLE: 'api', GEMINI_BASE_URL: model.url });
    const people = await somePeople(app, PEOPLE, 0);
    await admitToLimits(app, people);
    return SIZES.flatMap((size) => {
      const count = bench.short(size, size / 10);
      return [
        subject(bench, `application, ${size}`, () => application(app, people, count)),
        subject(bench, `limit, ${size}`, () => limit(bench, app, people, count)),
      ];
    });
  },
  judge: (results) =>
    SIZES.flatMap((size) => [
      {
        ...({ what: `${size} streams, each`, unit: ' KB', better: 'lower', must: 25 } as const),
        value: results.median(`application, ${size}`, 'KB each'),
      },
      {
        ...({ what: `${size} streams, cut off before the end`, unit: '', better: 'lower', must: 0 } as const),
        value: Math.max(...results.values(`application, ${size}`, 'cut off')),
      },
    ]),
};

function subject(bench: Bench, name: string, start: () => Promise<Server>): Subject {
  const { client } = bench;
  return {
    name,
    pid: 0,
    async run(meter) {
      const server = await start();
      meter.follow(server.pid);
      try {
        await client.call('openStreams', { url: server.url, streams: server.paths.slice(0, FIRST) });
        await client.call('closeStreams', undefined);
        const before = await restingMemory(server.pid, bench.short(SETTLE_MS, 1000));
        const opening = performance.now();
        const open = await client.call('openStreams', { url: server.url, streams: server.paths });
        const openedIn = performance.now() - opening;
        const after = await restingMemory(server.pid, bench.short(SETTLE_MS, 1000));
        let endRelease: (() => Promise<unknown>) | undefined;
        try {
          const { result, seconds } = await meter.during(async () => {
            endRelease = await server.release();
            return client.call('awaitStreams', undefined);
          });
          return {
            'KB each': (after - before) / KB / open,
            'MB before': before / KB ** 2,
            'all open after s': openedIn / 1000,
            'all served after s': seconds,
            'with words before the end': result.live / open,
            'cut off': result.cutOff,
          };
        } finally {
          await endRelease?.();
        }
      } finally {
        await client.call('closeStreams', undefined);
        await server.stop();
      }
    },
  };
}

/** A new process each time, as memory that was used once is rarely given back. */
async function application(app: TestApp, people: readonly Person[], count: number): Promise<Server> {
  await app.process.kill();
  await app.restart();
  for (const person of people) person.rooms = [];
  await addRooms(app, people, count / PEOPLE);
  const owed = await oweReplies(app, people);
  return {
    pid: app.process.pid,
    url: app.api.url,
    paths: owed.map(({ person, roomId, id }) => ({
      path: `${messagesOf(roomId)}/${id}/stream`,
      token: person.token,
    })),
    release() {
      // It sweeps at once what is owed and in no queue, and then as rarely as in production: it queues all that is owed again.
      const worker = AppProcess.spawn({ ...app.env, PROCESS_ROLE: 'worker', SWEEP_INTERVAL_MS: '10000' });
      return Promise.resolve(() => worker.kill());
    },
    stop: () => Promise.resolve(),
  };
}

async function limit(bench: Bench, app: TestApp, people: readonly Person[], count: number): Promise<Server> {
  const child = await bench.startLimit('streams.ts', app);
  return {
    pid: child.pid,
    url: child.ready as string,
    paths: people.flatMap(({ token }) =>
      Array.from({ length: count / PEOPLE }, () => ({ path: '/stream', token })),
    ),
    async release() {
      const redis = new Redis(app.redis.url);
      await redis.publish(LIMIT_STREAMS, 'A whole reply.');
      return () => redis.quit();
    },
    stop: () => child.stop(),
  };
}
