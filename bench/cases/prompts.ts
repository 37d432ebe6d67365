import { Redis } from 'ioredis';
import type { Case, Subject } from '../harness/case.js';
import { machineSpeed, oneGet } from '../support/one-get.js';
import { somePeople } from '../support/people.js';
import { messagesOf, promptsTo } from '../support/prompts.js';
import { admitToLimits } from '../support/sessions.js';

const CONNECTIONS = 50;
/** So many that nobody comes to the bounds on unanswered prompts (10 of a room, 50 of a person) in a run. */
const PEOPLE = 1000;
const ROOMS = 5;

/** Prompts a second of the reference, on its machine. */
const REFERENCE = 454;

export const prompts: Case = {
  name: 'prompts',
  about: 'POST /v1/chatrooms/:id/messages accepted, Pro',
  load: `closed loop, ${CONNECTIONS} connections, ${PEOPLE} persons with ${ROOMS} rooms each, no worker runs`,
  async prepare(bench) {
    const app = await bench.startApp({ PROCESS_ROLE: 'api' });
    const people = await somePeople(app, bench.short(PEOPLE, 100), ROOMS);
    const redis = new Redis(app.redis.url);
    bench.onEnd(() => redis.quit());
    await admitToLimits(app, people);
    const limit = await bench.startLimit('prompts.ts', app);
    // Nobody works the queue: what was accepted in one run must not wait, or be counted as waiting, in the next.
    const settle = async (): Promise<void> => {
      await app.database.query(
        `UPDATE messages SET status = 'completed', content = 'An answer.', finished_at = now() WHERE status = 'pending'`,
      );
      await app.database.query('VACUUM ANALYZE messages, prompt_charges');
      const jobs = await redis.keys('{*queue}:replies:*');
      if (jobs.length > 0) await redis.del(jobs);
    };
    const subject = (name: string, pid: number, url: string, path: (room: string) => string): Subject => {
      const requests = promptsTo(people, path);
      const load = (seconds: number) =>
        bench.client.call('closedLoop', {
          ...{ url, connections: CONNECTIONS, requests, expected: 202, seconds },
        });
      return {
        name,
        pid,
        warmUp: () => load(bench.short(5, 0.5)),
        async run(meter) {
          await settle();
          await load(bench.short(1, 0.2));
          const { result } = await meter.during(() => load(bench.short(6, 1)));
          return {
            'prompts/s': result['per s'],
            'p50 ms': result['p50 ms'],
            'p99 ms': result['p99 ms'],
            'server µs': meter.serverMicros(result.answers),
          };
        },
      };
    };
    return [
      subject('application', app.process.pid, app.api.url, messagesOf),
      subject('limit', limit.pid, limit.ready as string, (room) => `/rooms/${room}/messages`),
      await oneGet(bench, app, people),
    ];
  },
  judge: (results) => [
    {
      ...{ what: 'of the limit', unit: '', better: 'higher', must: 0.5, aim: 0.75 },
      value: results.ratio('application', 'limit', 'prompts/s'),
    },
    {
      ...{
        what: 'times the reference, both measured in limits of one GET',
        unit: '',
        better: 'higher',
        must: 5,
      },
      value: results.median('application', 'prompts/s') / machineSpeed(results) / REFERENCE,
    },
    {
      ...{ what: 'times what the reference did on its machine', unit: '', better: 'higher' },
      value: results.median('application', 'prompts/s') / REFERENCE,
    },
  ],
};
