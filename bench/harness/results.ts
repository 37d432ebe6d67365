import type { Measured } from './meter.js';
import { median } from './statistics.js';

/** What one run of a subject came to, by name: `req/s`, `p50 ms`, … */
export type Figures = Record<string, number>;

export interface Run extends Partial<Measured> {
  figures: Figures;
}

/** The runs of a case: those of each subject in the order they ran, the n-th of one beside the n-th of the others. */
export class Results {
  /** @param subjects in the order of the case, the application first */
  constructor(readonly subjects: ReadonlyMap<string, readonly Run[]>) {}

  values(subject: string, figure: string): number[] {
    const runs = this.subjects.get(subject);
    if (runs === undefined) throw new Error(`There is no subject ${subject}`);
    return runs.map(({ figures }) => figures[figure] ?? NaN);
  }

  median(subject: string, figure: string): number {
    return median(this.values(subject, figure));
  }

  /** How many times the other's figure this one's is: of each pair of runs that were neighbours in time. */
  ratios(subject: string, other: string, figure: string): number[] {
    const others = this.values(other, figure);
    return this.values(subject, figure).map((value, n) => value / (others[n] ?? NaN));
  }

  ratio(subject: string, other: string, figure: string): number {
    return median(this.ratios(subject, other, figure));
  }
}
