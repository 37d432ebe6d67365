import type { Bench } from '../harness/bench.js';
import type { Case, Subject } from '../harness/case.js';
import type { Turns } from '../load/turns.js';
import { addRooms, somePeople } from '../support/people.js';
import { messagesOf, PROMPT } from '../support/prompts.js';
import { admitToLimits } from '../support/sessions.js';
import { AppProcess } from '../../test/support/app-process.js';

const AT_ONCE = 200;
const MODEL_PATH = '/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse';
const FIRST_TOKEN_MS = 500;

interface Situation {
  name: string;
  talkers: number;
  turnsEach: number;
  spreadOverMs: number;
  /** Between words of the model. */
  chunkMs: number;
}

type Asked = 'application' | 'direct' | 'limit';

const situations = (bench: Bench): Situation[] => [
  { name: 'idle', talkers: 1, turnsEach: bench.short(25, 3), spreadOverMs: 0, chunkMs: 5 },
  {
    ...{ name: `${AT_ONCE} at once`, talkers: AT_ONCE, turnsEach: bench.short(8, 2) },
    ...{ spreadOverMs: 1500, chunkMs: 50 },
  },
  { name: `${AT_ONCE} in one instant`, talkers: AT_ONCE, turnsEach: 1, spreadOverMs: 0, chunkMs: 50 },
];

export const firstToken: Case = {
  name: 'first-token',
  about:
    'from sending a prompt to the first words of its reply over SSE, beyond those of a direct streaming call',
  load:
    `model ${FIRST_TOKEN_MS} ms to its first words, then some a time for 1 s (idle: 0.1 s); closed loop: a person sends, ` +
    `reads to the end, sends again; one process of role api and one worker; idle is one person, "in one instant" is ${AT_ONCE} prompts sent together once`,
  async prepare(bench) {
    const model = await bench.startModel();
    const app = await bench.startApp({
      ...{ PROCESS_ROLE: 'api', GEMINI_BASE_URL: model.url },
      // The sweep would take what the limit accepted, and is yet to answer, for lost.
      SWEEP_INTERVAL_MS: '3600000',
    });
    const worker = await AppProcess.start({ ...app.env, PROCESS_ROLE: 'worker', LOG_LEVEL: 'info' });
    bench.onEnd(() => worker.stop());
    const people = await somePeople(app, AT_ONCE, 0);
    await admitToLimits(app, people);
    const limit = await bench.startLimit('talk.ts', app, { REPLY_CONCURRENCY: '200' });
    const pids = { application: app.process.pid, direct: model.pid, limit: limit.pid };
    const urls = { application: app.api.url, direct: model.url, limit: limit.ready as string };
    const subject = (situation: Situation, asked: Asked): Subject => {
      const { name, talkers, turnsEach, spreadOverMs, chunkMs } = situation;
      const load = async (): Promise<Turns> => {
        for (const person of people) person.rooms = [];
        await addRooms(app, people, 1);
        const contents = [{ role: 'user', parts: [{ text: PROMPT }] }];
        return {
          ...{ url: urls[asked], turnsEach, spreadOverMs },
          talkers: people.slice(0, talkers).map(({ token, rooms: [room = ''] }) =>
            asked === 'direct'
              ? { path: MODEL_PATH, body: { contents } }
              : {
                  ...{ token, body: { content: PROMPT } },
                  path: asked === 'limit' ? `/rooms/${room}/messages` : messagesOf(room),
                },
          ),
        };
      };
      return {
        name: `${asked}, ${name}`,
        pid: pids[asked],
        async warmUp() {
          model.pace({ firstTokenMs: 50, chunkMs: 0 });
          await bench.client.call('turns', { ...(await load()), turnsEach: 2 });
        },
        async run(meter) {
          model.pace({ firstTokenMs: FIRST_TOKEN_MS, chunkMs });
          const options = await load();
          const { result, seconds } = await meter.during(() => bench.client.call('turns', options));
          const { answers, ...figures } = result;
          return { ...figures, 'turns/s': answers / seconds };
        },
      };
    };
    return situations(bench).flatMap((situation) =>
      (['application', 'limit', 'direct'] as const).map((asked) => subject(situation, asked)),
    );
  },
  judge(results) {
    const beyond = (name: string, figure: string, asked: Asked = 'application'): number =>
      results.median(`${asked}, ${name}`, figure) - results.median(`direct, ${name}`, figure);
    const [idle, atOnce, instant] = ['idle', `${AT_ONCE} at once`, `${AT_ONCE} in one instant`] as const;
    return [
      {
        ...{ what: `${idle}: p50 beyond the direct call`, unit: ' ms', better: 'lower', must: 10, aim: 5 },
        value: beyond(idle, 'p50 ms'),
      },
      {
        ...{ what: `${atOnce}: p99 beyond the direct call`, unit: ' ms', better: 'lower', must: 50, aim: 20 },
        value: beyond(atOnce, 'p99 ms'),
      },
      {
        ...{ what: `${atOnce}: p99 of the limit beyond the direct call`, unit: ' ms', better: 'lower' },
        value: beyond(atOnce, 'p99 ms', 'limit'),
      },
      {
        ...{ what: `${instant}: p99 beyond the direct call`, unit: ' ms', better: 'lower' },
        value: beyond(instant, 'p99 ms'),
      },
    ];
  },
};
