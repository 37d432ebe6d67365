import { Redis } from 'ioredis';
import type { Case, Subject } from '../harness/case.js';
import { listKey } from '../limits/decisions.js';
import type { Request } from '../load/connection.js';
import { somePeople } from '../support/people.js';
import { admitToLimits } from '../support/sessions.js';

const CONNECTIONS = 50;
const ROOMS = 20;
const PATH = '/v1/chatrooms';

/** The reference's repaired figure as a ratio to its own limit, one GET: 5,345 of 26,600 requests a second. */
const REFERENCE = 5345 / 26_600;

export const rooms: Case = {
  name: 'rooms',
  about: `GET ${PATH}, cached, ${ROOMS} rooms`,
  load: `closed loop, ${CONNECTIONS} connections, a person and an address each`,
  async prepare(bench) {
    const app = await bench.startApp({ PROCESS_ROLE: 'api' });
    const people = await somePeople(app, CONNECTIONS, ROOMS);
    const redis = new Redis(app.redis.url);
    await admitToLimits(app, people);
    for (const { id, token } of people) {
      const { body } = await app.api.get<{ data: object[] }>(PATH, { token });
      if (body.data.length !== ROOMS) throw new Error(`There are ${body.data.length} rooms`);
      await redis.set(listKey(id), JSON.stringify(body));
    }
    redis.disconnect();
    const limit = await bench.startLimit('rooms.ts', app);
    const subject = (name: string, pid: number, url: string, path: string): Subject => {
      const requests = people.map(({ token }): Request => ({ method: 'GET', path, token }));
      const load = (seconds: number) =>
        bench.client.call('closedLoop', {
          ...{ url, connections: CONNECTIONS, requests, expected: 200, seconds },
        });
      return {
        name,
        pid,
        warmUp: () => load(bench.short(4, 0.5)),
        async run(meter) {
          await load(bench.short(1, 0.2));
          const { result } = await meter.during(() => load(bench.short(6, 1)));
          return {
            'req/s': result['per s'],
            'p50 ms': result['p50 ms'],
            'p99 ms': result['p99 ms'],
            'server µs': meter.serverMicros(result.answers),
          };
        },
      };
    };
    const limitUrl = limit.ready as string;
    return [
      subject('application', app.process.pid, app.api.url, PATH),
      subject('limit', limit.pid, limitUrl, '/'),
      subject('limit: one GET', limit.pid, limitUrl, '/one-get'),
    ];
  },
  judge: (results) => [
    {
      ...{ what: 'of the limit', unit: '', better: 'higher', must: 0.5, aim: 0.8 },
      value: results.ratio('application', 'limit', 'req/s'),
    },
    {
      ...{
        what: 'times the reference, both measured in limits of one GET',
        unit: '',
        better: 'higher',
        must: 3,
      },
      value: results.ratio('application', 'limit: one GET', 'req/s') / REFERENCE,
    },
  ],
};
