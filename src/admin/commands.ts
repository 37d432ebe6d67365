import { parseArgs } from 'node:util';
import type { INestApplicationContext } from '@nestjs/common';
import { type Command, type Outcome, UsageError } from './command.js';
import { PRUNE } from './prune-command.js';
import { RECONCILE } from './reconcile-command.js';
import { REPLAY_WEBHOOKS } from './replay-webhooks-command.js';
import { REQUEUE_REPLIES } from './requeue-replies-command.js';
import { USER } from './user-command.js';

const COMMANDS = new Map<string, Command<unknown>>(
  Object.entries({
    user: USER,
    'replay-webhooks': REPLAY_WEBHOOKS,
    reconcile: RECONCILE,
    'requeue-replies': REQUEUE_REPLIES,
    prune: PRUNE,
  }) as [string, Command<unknown>][],
);

/** What was typed, understood. */
export interface Request {
  name: string;
  json: boolean;
  run(app: INestApplicationContext): Promise<Outcome>;
}

const SHARED = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;

/**
 * @param args as they were typed, the name of a command first
 * @returns null when help is asked for
 * @throws UsageError
 */
export function readRequest([name, ...args]: readonly string[]): Request | null {
  if (name === undefined) throw new UsageError('Say what is to be done.');
  if (name === '--help' || name === '-h' || name === 'help') return null;
  const command = COMMANDS.get(name);
  if (command === undefined) throw new UsageError(`There is no command ${name}.`);
  const typed = parse(args, command.options);
  if (typed.values.help === true) return null;
  const input = command.read(typed);
  return { name, json: typed.values.json === true, run: (app) => command.run(app, input) };
}

export function helpText(): string {
  const lines = [...COMMANDS.values()].flatMap(({ usage }) => usage);
  const width = Math.max(...lines.map(([typed]) => typed.length)) + 2;
  return [
    'npm run admin -- <command> [--json]',
    '',
    ...lines.map(([typed, does]) => `  ${typed.padEnd(width)}${does}`),
    '',
    ...[...COMMANDS.values()].flatMap(({ explanation }) =>
      explanation === undefined ? [] : [explanation, ''],
    ),
    'The answer is on standard output, with --json as one JSON document; the log is on standard error. Ends with 0 when',
    'all is done, with 1 when something could not be, with 2 when the command was not understood.',
  ].join('\n');
}

function parse(args: string[], options: Command<unknown>['options']) {
  try {
    return parseArgs({ args, options: { ...options, ...SHARED }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
