import { parseArgs } from 'node:util';

export interface Options {
  /** Cases by name; all that are not on request when there is none. */
  readonly names: readonly string[];
  readonly list: boolean;
  /** How often each subject runs, alternating with the others. */
  readonly runs: number;
  /** For a look whether it works at all: one short run. Its figures say little. */
  readonly quick: boolean;
  /** Where the JSON goes. */
  readonly out: string;
  /** Of the soak. */
  readonly minutes: number;
  /** Settings of the application in place of a case's own. */
  readonly settings: Readonly<Record<string, string>>;
}

export const USAGE = `npm run bench -- [name…] [--list] [--runs 3] [--quick] [--out bench/results] [--set NAME=value]… [--minutes 15]`;

/** @throws Error that says what is wrong with them */
export function readArguments(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      list: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      runs: { type: 'string' },
      out: { type: 'string', default: 'bench/results' },
      minutes: { type: 'string', default: '15' },
      set: { type: 'string', multiple: true, default: [] },
    },
  });
  return {
    names: positionals,
    list: values.list,
    quick: values.quick,
    runs: positive('--runs', values.runs ?? (values.quick ? '1' : '3')),
    out: values.out,
    minutes: positive('--minutes', values.minutes),
    settings: Object.fromEntries(values.set.map(setting)),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name} must be a number above 0`);
  return value;
}

function setting(text: string): [string, string] {
  const match = /^([A-Z0-9_]+)=(.*)$/s.exec(text);
  if (match === null) throw new Error(`--set takes NAME=value, not ${text}`);
  return [match[1] ?? '', match[2] ?? ''];
}
