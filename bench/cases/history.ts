import type { Case, Subject } from '../harness/case.js';
import { fillRooms } from '../support/conversations.js';
import { somePeople } from '../support/people.js';
import { messagesOf } from '../support/prompts.js';
import { admitToLimits } from '../support/sessions.js';

const CONNECTIONS = 10;
const SIZES = [20, 1000, 50_000, 1_000_000];
/** The smallest that fills a page. */
const COMPARED = 1000;

const nameOf = (size: number): string => `room of ${size.toLocaleString('en-US')}`;

export const history: Case = {
  name: 'history',
  about: 'GET /v1/chatrooms/:id/messages?limit=50, the newest page of rooms of different length',
  load: `closed loop, ${CONNECTIONS} connections, one person`,
  async prepare(bench) {
    const app = await bench.startApp({ PROCESS_ROLE: 'api' });
    const [person] = await somePeople(app, 1, SIZES.length);
    if (person === undefined) throw new Error('There is nobody');
    await admitToLimits(app, [person]);
    const shortened = bench.short(1, 100);
    await fillRooms(
      app.database,
      SIZES.map((size, n) => ({
        ...{ userId: person.id, roomId: person.rooms[n] ?? '' },
        messages: size === 1_000_000 ? size / shortened : size,
      })),
    );
    const limit = await bench.startLimit('reads.ts', app);
    const subject = (name: string, pid: number, url: string, path: string, messages: number): Subject => {
      const requests = [{ method: 'GET', path, token: person.token }] as const;
      const load = (seconds: number) =>
        bench.client.call('closedLoop', {
          ...{ url, connections: CONNECTIONS, requests, expected: 200, seconds },
        });
      return {
        name,
        pid,
        async warmUp() {
          const answer = await fetch(url + path, { headers: { authorization: `Bearer ${person.token}` } });
          const { data } = (await answer.json()) as { data: unknown[] };
          if (data.length !== messages) throw new Error(`${data.length} messages instead of ${messages}`);
          await load(bench.short(3, 0.3));
        },
        async run(meter) {
          await load(bench.short(0.5, 0.2));
          const { result } = await meter.during(() => load(bench.short(4, 1)));
          return {
            'p50 ms': result['p50 ms'],
            'p99 ms': result['p99 ms'],
            'pages/s': result['per s'],
            'server µs': meter.serverMicros(result.answers),
          };
        },
      };
    };
    return [
      ...SIZES.map((size, n) =>
        subject(
          ...([nameOf(size), app.process.pid, app.api.url] as const),
          ...([`${messagesOf(person.rooms[n] ?? '')}?limit=50`, Math.min(50, size)] as const),
        ),
      ),
      subject(
        ...([`limit: ${nameOf(COMPARED)}`, limit.pid, limit.ready as string] as const),
        ...([`/rooms/${person.rooms[SIZES.indexOf(COMPARED)] ?? ''}/messages`, 50] as const),
      ),
    ];
  },
  judge: (results) => [
    ...SIZES.filter((size) => size > COMPARED).map((size) => ({
      ...{
        what: `p50 of a ${nameOf(size)} in those of a ${nameOf(COMPARED)}`,
        unit: '',
        must: 1.2,
        aim: 1.05,
      },
      ...({ better: 'lower', value: results.ratio(nameOf(size), nameOf(COMPARED), 'p50 ms') } as const),
    })),
    {
      ...{ what: `pages a second of a ${nameOf(COMPARED)}, of the limit`, unit: '', better: 'higher' },
      value: results.ratio(nameOf(COMPARED), `limit: ${nameOf(COMPARED)}`, 'pages/s'),
    },
  ],
};
