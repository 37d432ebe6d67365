import { expect } from '@jest/globals';
import type { Answer, Problem } from './api.js';

/** Sends all of these, so many at a time; the answers in order. */
export async function flood<In, Out>(
  items: readonly In[],
  send: (item: In) => Promise<Out>,
  atOnce = 50,
): Promise<Out[]> {
  const answers: Out[] = [];
  let next = 0;
  const runner = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      answers[index] = await send(items[index] as In);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, runner));
  return answers;
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** How many answers each code (or status, where there is none) was given. */
export function tally(answers: readonly Answer<unknown>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const { code = String(status) } = body as Partial<Problem>;
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}

/** One line in the output of the run: what an attack came to. */
export function report(attack: string, tried: number, gotThrough: number): void {
  process.stdout.write(`ATTACK ${attack}: ${tried} tried, ${gotThrough} got through\n`);
}

/** The wait that a refusal names, seconds. */
export function retryAfter(answer: Answer<unknown>): number {
  const seconds = Number(answer.headers.get('retry-after'));
  expect(seconds).toBeGreaterThan(0);
  return seconds;
}
