import type { Case, Subject } from '../harness/case.js';
import type { Request } from '../load/connection.js';
import { fillRooms, wordOf } from '../support/conversations.js';
import { type Person, somePeople } from '../support/people.js';
import { admitToLimits } from '../support/sessions.js';

const PEOPLE = 20;
const MESSAGES_EACH = 50_000;

/**
 * What people look for: words that 2,000 to 5 of the person's 50,000 messages have, alone and together with others.
 * Ranks; see conversations.ts.
 */
const QUERIES = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000].flatMap((rank) => [
  wordOf(rank),
  `${wordOf(rank)} ${wordOf(20)}`,
  `${wordOf(rank)} or ${wordOf(rank + 1)}`,
  `"${wordOf(rank)} ${wordOf(3)}"`,
  `${wordOf(rank)} -${wordOf(5)}`,
]);

/** Words that say nothing, such as "the": nearly all of the person's messages have it. */
const COMMONEST = [wordOf(1)];

export const search: Case = {
  name: 'search',
  about: `GET /v1/messages/search among ${(PEOPLE * MESSAGES_EACH).toLocaleString('en-US')} messages, ${MESSAGES_EACH.toLocaleString('en-US')} of them the person's`,
  load: `closed loop, one connection, ${QUERIES.length} different queries`,
  async prepare(bench) {
    const app = await bench.startApp({ PROCESS_ROLE: 'api' });
    const people = await somePeople(app, PEOPLE, 1);
    await admitToLimits(app, people);
    const messages = MESSAGES_EACH / bench.short(1, 50);
    await fillRooms(
      app.database,
      people.map(({ id, rooms: [roomId = ''] }) => ({ userId: id, roomId, messages })),
    );
    const limit = await bench.startLimit('reads.ts', app);
    const [person] = people as [Person, ...Person[]];
    const subject = (name: string, pid: number, url: string, words: readonly string[]): Subject => {
      const isApp = pid === app.process.pid;
      const requests = words.map((q): Request => ({
        ...{ method: 'GET', token: person.token },
        path: `${isApp ? '/v1/messages' : ''}/search?q=${encodeURIComponent(q)}`,
      }));
      const load = (count: number) =>
        bench.client.call('closedLoop', { url, connections: 1, requests, expected: 200, count });
      return {
        name,
        pid,
        warmUp: () => load(requests.length * bench.short(3, 1)),
        async run(meter) {
          const { result } = await meter.during(() => load(bench.short(450, 45)));
          return {
            ...{ 'p50 ms': result['p50 ms'], 'p95 ms': result['p95 ms'], 'p99 ms': result['p99 ms'] },
            'searches/s': result['per s'],
          };
        },
      };
    };
    return [
      subject('application', app.process.pid, app.api.url, QUERIES),
      subject('limit', limit.pid, limit.ready as string, QUERIES),
      subject('application, commonest word', app.process.pid, app.api.url, COMMONEST),
    ];
  },
  judge: (results) => [
    {
      ...{ what: 'p95', unit: ' ms', better: 'lower', must: 50, aim: 20 },
      value: results.median('application', 'p95 ms'),
    },
    {
      ...{ what: 'p95 in those of the limit', unit: '', better: 'lower' },
      value: results.ratio('application', 'limit', 'p95 ms'),
    },
  ],
};
