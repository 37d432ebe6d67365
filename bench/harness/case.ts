import type { Bench } from './bench.js';
import type { Meter } from './meter.js';
import type { Figures, Results } from './results.js';

/** One that does the work: the application, or its limit. */
export interface Subject {
  readonly name: string;
  /** Its process; 0 where each run starts one of its own. */
  readonly pid: number;
  /** Once, before the first run. */
  warmUp?(): Promise<unknown>;
  /** Whatever lies outside of `meter.during` is preparation and is neither timed nor counted. */
  run(meter: Meter): Promise<Figures>;
}

/** One line of a verdict: what was promised, and what came out. */
export interface Judgement {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Which side of the figures below is the good one. */
  readonly better: 'higher' | 'lower';
  readonly must?: number;
  readonly aim?: number;
}

export interface Case {
  readonly name: string;
  /** What is measured, in a sentence. */
  readonly about: string;
  /** How it is loaded: open or closed loop, connections, persons; and settings that differ from the defaults. */
  readonly load: string;
  /** Runs only when it is asked for by name: it takes long. */
  readonly onRequest?: true;
  /** One run, whatever `--runs` says: a long one. */
  readonly once?: true;
  /** Starts what the case needs. The application comes first among the subjects, its limits after it. */
  prepare(bench: Bench): Promise<readonly Subject[]>;
  judge(results: Results): readonly Judgement[];
}
