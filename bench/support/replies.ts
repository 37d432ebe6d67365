import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { TestApp } from '../../test/support/test-app.js';
import { until } from '../../test/support/until.js';
import type { Bench, Model } from '../harness/bench.js';
import type { Subject } from '../harness/case.js';
import { Meter } from '../harness/meter.js';
import { LIMIT_QUEUE_PREFIX } from '../limits/accepting.js';
import { oneGet } from './one-get.js';
import { addRooms, type Person, somePeople } from './people.js';
import { messagesOf, promptsTo } from './prompts.js';
import { admitToLimits } from './sessions.js';

const CONNECTIONS = 50;
const ROOMS_EACH = 10;
const BURST_MS_MAX = 120_000;

/** What of a burst is timed: from the first prompt that is sent, or from when all are queued; until the last reply is stored. */
type Timed = 'from the first prompt' | 'from the queue';

interface Burst {
  prompts: number;
  model: { firstTokenMs: number; chunkMs: number };
  settings: Record<string, string>;
}

/** Everything to have prompts answered, each in a room of its own, by the application and by its limit. */
export class Bursts {
  private constructor(
    private readonly bench: Bench,
    private readonly app: TestApp,
    private readonly people: readonly Person[],
    private readonly burst: Burst,
    private readonly limit: { pid: number; url: string },
    readonly model: Model,
  ) {}

  static async prepare(bench: Bench, burst: Burst): Promise<Bursts> {
    const model = await bench.startModel();
    const app = await bench.startApp({
      ...{ GEMINI_BASE_URL: model.url, REPLY_CONCURRENCY: '200' },
      // The sweep would take what the limit accepted, and is yet to answer, for lost.
      ...{ SWEEP_INTERVAL_MS: '3600000', ...burst.settings },
    });
    const people = await somePeople(app, Math.ceil(burst.prompts / ROOMS_EACH), 0);
    await admitToLimits(app, people);
    const limit = await bench.startLimit('replies.ts', app);
    model.pace(burst.model);
    return new Bursts(bench, app, people, burst, { pid: limit.pid, url: limit.ready as string }, model);
  }

  application(timed: Timed): Subject {
    const { pid } = this.app.process;
    const name = timed === 'from the queue' ? 'application, queued before' : 'application';
    return this.subject({ name, pid, url: this.app.api.url, path: messagesOf, queue: '{queue}', timed });
  }

  byHand(timed: Timed): Subject {
    const name = timed === 'from the queue' ? 'limit, queued before' : 'limit';
    const path = (room: string): string => `/rooms/${room}/messages`;
    return this.subject({ name, ...this.limit, path, queue: LIMIT_QUEUE_PREFIX, timed });
  }

  oneGet(): Promise<Subject> {
    return oneGet(this.bench, this.app, this.people);
  }

  private subject({ name, pid, url, path, queue: prefix, timed }: BurstSubject): Subject {
    const connection = new Redis(this.app.redis.url, { maxRetriesPerRequest: null });
    const queue = new Queue('replies', { connection, prefix });
    this.bench.onEnd(async () => {
      await queue.close();
      connection.disconnect();
    });
    const run: Subject['run'] = async (meter) => {
      const count = this.bench.short(this.burst.prompts, this.burst.prompts / 10);
      for (const person of this.people) person.rooms = [];
      await addRooms(this.app, this.people, ROOMS_EACH);
      const requests = promptsTo(this.people, path);
      const send = () =>
        this.bench.client.call('closedLoop', {
          url,
          connections: CONNECTIONS,
          requests,
          expected: 202,
          count,
        });
      if (timed === 'from the queue') {
        await queue.pause();
        await send();
      }
      const before = await this.answered();
      const { result: acceptedIn, seconds } = await meter.during(async () => {
        const began = performance.now();
        if (timed === 'from the queue') await queue.resume();
        else await send();
        const accepted = performance.now() - began;
        await until('all are answered', () => this.nothingIsOwed(), BURST_MS_MAX);
        return accepted;
      });
      const answered = (await this.answered()) - before;
      if (answered !== count) throw new Error(`${answered} of ${count} were answered`);
      return {
        ...{ 'replies/s': count / seconds, 'all after s': seconds, 'accepted after s': acceptedIn / 1000 },
        'server µs': meter.serverMicros(count),
      };
    };
    // Unmeasured, with whatever the first run of a process costs.
    return { name, pid, warmUp: () => run(new Meter({ server: 0, postgres: 0, redis: 0, client: 0 })), run };
  }

  private async nothingIsOwed(): Promise<boolean> {
    const { rows } = await this.app.database.query(
      `SELECT 1 FROM messages WHERE status IN ('pending', 'streaming') LIMIT 1`,
    );
    return rows.length === 0;
  }

  private async answered(): Promise<number> {
    const { rows } = await this.app.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM messages WHERE role = 'model' AND status = 'completed'`,
    );
    return rows[0]?.n ?? 0;
  }
}

interface BurstSubject {
  name: string;
  pid: number;
  url: string;
  path: (room: string) => string;
  queue: string;
  timed: Timed;
}
