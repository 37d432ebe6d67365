import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Case, Judgement } from './case.js';
import type { Machine } from './machine.js';
import type { Part } from './meter.js';
import type { Results, Run } from './results.js';
import { ascending, median } from './statistics.js';

const PARTS: readonly Part[] = ['server', 'postgres', 'redis', 'client', 'model'];

/** Three digits that count; thousands with a comma. */
export function amount(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `median [least-most]`. */
export function spread(values: readonly number[]): string {
  const sorted = ascending(values);
  if (sorted.length < 2) return amount(median(sorted));
  return `${amount(median(sorted))} [${amount(sorted[0] ?? NaN)}-${amount(sorted.at(-1) ?? NaN)}]`;
}

const percent = (values: readonly number[]): string =>
  values.length === 0 ? '-' : `${Math.round(median(values) * 100)}%`;

/** A table of the runs, and what came of what was promised. */
export function tableOf(which: Case, results: Results): string {
  const subjects = [...results.subjects];
  const figures = [
    ...new Set(subjects.flatMap(([, runs]) => runs.flatMap((run) => Object.keys(run.figures)))),
  ];
  const parts = PARTS.filter((part) =>
    subjects.some(([, runs]) => runs.some((run) => run.cpu?.[part] !== undefined)),
  );
  const head = ['', ...figures, ...parts, 'peak MB'];
  const rows = subjects.map(([name, runs]) => [
    name,
    ...figures.map((figure) => spread(results.values(name, figure))),
    ...parts.map((part) => percent(sharesOf(runs, part))),
    amount(median(runs.map(({ peakMb }) => peakMb ?? NaN))),
  ]);
  const verdict = which.judge(results).map((judgement) => `  ${wordsOf(judgement)}`);
  return [`${which.name}: ${which.about} (${which.load})`, ...aligned([head, ...rows]), ...verdict].join(
    '\n',
  );
}

function sharesOf(runs: readonly Run[], part: Part): number[] {
  return runs.flatMap(({ cpu }) => cpu?.[part] ?? []);
}

export function wordsOf({ what, value, unit, better, must, aim }: Judgement): string {
  const side = (figure: number | undefined, name: string): string[] => {
    if (figure === undefined) return [];
    const met = better === 'higher' ? value >= figure : value <= figure;
    return [`${name} ${amount(figure)}${unit}: ${met ? 'met' : 'NOT MET'}`];
  };
  const sides = [...side(must, 'must'), ...side(aim, 'aim')];
  return `${what}: ${amount(value)}${unit}${sides.length === 0 ? '' : ` (${sides.join(', ')})`}`;
}

function aligned(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}`.trimEnd(),
  );
}

/** One file a case, replaced by the next run of it. @returns its path */
export async function writeResults(
  directory: string,
  which: Case,
  results: Results,
  machine: Machine,
): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${which.name}.json`);
  const { name, about, load } = which;
  const subjects = Object.fromEntries(results.subjects);
  const text = JSON.stringify(
    { name, about, load, machine, judgements: which.judge(results), subjects },
    null,
    2,
  );
  await writeFile(path, `${text}\n`);
  return path;
}
