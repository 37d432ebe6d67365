import type { Options } from './arguments.js';
import { Bench } from './bench.js';
import type { Case } from './case.js';
import { Meter } from './meter.js';
import { Results, type Run } from './results.js';

/** Prepares a case and runs its subjects in turn, so that whatever else the machine does comes to all of them. */
export async function runCase(which: Case, options: Options): Promise<Results> {
  const bench = await Bench.open(options);
  try {
    const subjects = await which.prepare(bench);
    const runs = new Map<string, Run[]>(subjects.map(({ name }) => [name, []]));
    for (const subject of subjects) await subject.warmUp?.();
    const rounds = which.once ? 1 : options.runs;
    for (let round = 1; round <= rounds; round += 1) {
      for (const subject of subjects) {
        process.stderr.write(`${which.name}: ${subject.name}, run ${round} of ${rounds}\n`);
        const meter = new Meter(bench.processes(subject.pid));
        const figures = await subject.run(meter);
        runs.get(subject.name)?.push({ figures, ...meter.measured });
      }
    }
    return new Results(runs);
  } finally {
    await bench.close();
  }
}
