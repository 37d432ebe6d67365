import { Redis } from 'ioredis';
import type { TestApp } from '../../test/support/test-app.js';
import type { Bench } from '../harness/bench.js';
import type { Subject } from '../harness/case.js';
import type { Results } from '../harness/results.js';
import { listKey } from '../limits/decisions.js';
import type { Request } from '../load/connection.js';
import type { Person } from './people.js';

const NAME = 'one GET';
const CONNECTIONS = 50;
/** What the reference's machine did of the same: Fastify, a token, one GET of a list of 20 rooms; a second. */
const ON_THE_MACHINE_OF_THE_REFERENCE = 26_600;

/** The speed of this machine, in the same run: figures from elsewhere that are absolute say something in its terms only. */
export async function oneGet(bench: Bench, app: TestApp, people: readonly Person[]): Promise<Subject> {
  const redis = new Redis(app.redis.url);
  const room = { id: crypto.randomUUID(), title: 'A room', lastActivityAt: new Date(), pinned: false };
  const body = JSON.stringify({ data: Array.from({ length: 20 }, () => room) });
  const some = people.slice(0, CONNECTIONS);
  for (const { id } of some) await redis.set(listKey(id), body);
  redis.disconnect();
  const limit = await bench.startLimit('rooms.ts', app);
  const requests = some.map(({ token }): Request => ({ method: 'GET', path: '/one-get', token }));
  const load = (seconds: number) =>
    bench.client.call('closedLoop', {
      ...{ url: limit.ready as string, connections: CONNECTIONS, requests, expected: 200, seconds },
    });
  return {
    name: NAME,
    pid: limit.pid,
    warmUp: () => load(bench.short(2, 0.5)),
    async run(meter) {
      const { result } = await meter.during(() => load(bench.short(3, 0.5)));
      return { 'req/s': result['per s'] };
    },
  };
}

/** How fast this machine is, of the one that the reference was measured on. */
export const machineSpeed = (results: Results): number =>
  results.median(NAME, 'req/s') / ON_THE_MACHINE_OF_THE_REFERENCE;
