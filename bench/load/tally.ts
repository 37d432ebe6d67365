import { latencies } from '../harness/statistics.js';
import type { Answer } from './connection.js';

/** What a load came to. */
export type Tallied = { 'per s': number; answers: number } & ReturnType<typeof latencies>;

/** Collects answers. One of another status than expected is a failed run: its figures would be of something else. */
export class Tally {
  private readonly ms: number[] = [];

  constructor(private readonly expected: readonly number[]) {}

  add({ status, body }: Answer, ms: number): void {
    if (!this.expected.includes(status)) {
      throw new Error(
        `Answered ${status} instead of ${this.expected.join(' or ')}: ${body.toString().slice(0, 500)}`,
      );
    }
    this.ms.push(ms);
  }

  result(seconds: number): Tallied {
    return { 'per s': this.ms.length / seconds, answers: this.ms.length, ...latencies(this.ms) };
  }
}
