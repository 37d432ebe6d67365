import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Case } from '../harness/case.js';
import { median, slope } from '../harness/statistics.js';
import { somePeople } from '../support/people.js';
import { PROMPT } from '../support/prompts.js';
import { takeVitals, type Vitals } from '../support/vitals.js';

const PEOPLE = 400;
const ROOMS = 5;
const SAMPLE_MS = 10_000;
/** Until then caches fill, code is compiled, and Postgres has not vacuumed once. */
const WARM_SHARE = 3 / 15;
/**
 * What is watched, and how much of it may come and go within a run: of memory and of tables a share, for garbage that is
 * yet to be collected; of dead rows as many as autovacuum waits for (a fifth); of handles and keys so many, for what is in
 * flight just then.
 */
const WATCHED = [
  { figure: 'memoryMb', isShare: true, tolerance: 0.05 },
  { figure: 'updatedTablesMb', isShare: true, tolerance: 0.05 },
  { figure: 'deadShare', isShare: false, tolerance: 0.2 },
  { figure: 'handles', isShare: false, tolerance: 10 },
  { figure: 'redisKeysForEver', isShare: false, tolerance: 20 },
] as const;

/** By how much a figure grew from the end of the warm-up to the end of the run, along the line that fits it best. */
function growth(samples: readonly Vitals[], { figure, isShare }: (typeof WATCHED)[number]): number {
  const late = samples.slice(Math.floor(samples.length * WARM_SHARE));
  const seconds = (late.at(-1)?.seconds ?? 0) - (late[0]?.seconds ?? 0);
  const grown = slope(late.map((sample) => [sample.seconds, sample[figure]] as const)) * seconds;
  return isShare ? grown / median(late.map((sample) => sample[figure])) : grown;
}

export const soak: Case = {
  name: 'soak',
  about: 'growth of memory, handles, Redis keys and tables in a long run of everything at half load',
  load: `open loop at half of what a closed loop of 200 does; lists, pages, prompts with their streams, sign-ins; ${PEOPLE} people; role all`,
  onRequest: true,
  once: true,
  async prepare(bench) {
    const model = await bench.startModel();
    const app = await bench.startApp({ GEMINI_BASE_URL: model.url });
    model.pace({ firstTokenMs: 300, chunkMs: 20 });
    const people = await somePeople(app, PEOPLE, ROOMS);
    const redis = new Redis(app.redis.url);
    bench.onEnd(() => redis.quit());
    const crowd = { url: app.api.url, people, prompt: PROMPT };
    const { pid } = app.process;
    return [
      {
        name: 'application',
        pid,
        warmUp: () => bench.client.call('mixed', { ...crowd, seconds: bench.short(20, 5), perSecond: null }),
        async run(meter) {
          const most = await bench.client.call('mixed', {
            ...crowd,
            seconds: bench.short(30, 5),
            perSecond: null,
          });
          const seconds = bench.options.minutes * 60;
          const samples: Vitals[] = [];
          const { result } = await meter.during(async () => {
            const began = performance.now();
            const over = new AbortController();
            const load = bench.client
              .call('mixed', { ...crowd, seconds, perSecond: most['per s'] / 2 })
              .finally(() => {
                over.abort();
              });
            while (!over.signal.aborted) {
              const sample = await takeVitals((performance.now() - began) / 1000, pid, redis, app.database);
              samples.push(sample);
              process.stderr.write(`${JSON.stringify(sample)}\n`);
              await Promise.race([load, sleep(SAMPLE_MS)]);
            }
            return load;
          });
          await mkdir(bench.options.out, { recursive: true });
          await writeFile(join(bench.options.out, 'soak-samples.json'), JSON.stringify(samples, null, 1));
          return {
            ...{ 'deeds/s': result['per s'], 'of most': result['per s'] / most['per s'] },
            ...{ 'p50 ms': result['p50 ms'], 'p99 ms': result['p99 ms'], minutes: bench.options.minutes },
            ...Object.fromEntries(WATCHED.map((watched) => [watched.figure, growth(samples, watched)])),
          };
        },
      },
    ];
  },
  judge: (results) =>
    WATCHED.map(({ figure, tolerance }) => ({
      ...({
        what: `growth of ${figure} after the warm-up`,
        unit: '',
        better: 'lower',
        must: tolerance,
      } as const),
      value: results.median('application', figure),
    })),
};
