import type { ParseArgsConfig } from 'node:util';
import type { INestApplicationContext } from '@nestjs/common';

/** What a command has come to. */
export interface Outcome {
  /** For `--json`. */
  data: object;
  /** The same for people. */
  text: string;
  /** For the log: ids and counts. */
  logged: object;
  /** False: not everything that was asked for could be done. */
  ok: boolean;
}

/** Thrown for what was typed; the message says what is wrong with it. */
export class UsageError extends Error {}

export interface Command<Input> {
  /** A line or more for the help, each a way to type it and what that does. */
  readonly usage: readonly (readonly [typed: string, does: string])[];
  /** What else is to be known before typing it. */
  readonly explanation?: string;
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** @throws UsageError */
  read(typed: Typed): Input;
  /** What it works with is imported here: whoever mistypes something need not wait for the whole application to load. */
  run(app: INestApplicationContext, input: Input): Promise<Outcome>;
}

/** What stands behind a command's name. */
export interface Typed {
  values: Record<string, string | boolean | (string | boolean)[] | undefined>;
  positionals: readonly string[];
}

/** For commands that take options alone. */
export function expectNoArguments({ positionals }: Typed): void {
  if (positionals.length > 0) throw new UsageError(`Not understood: ${positionals.join(' ')}`);
}
