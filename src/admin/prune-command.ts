import { type Command, expectNoArguments } from './command.js';
import { columns } from './columns.js';

/** Deletes what is past its time now, and not when the workers come to it. */
export const PRUNE: Command<{ dryRun: boolean }> = {
  usage: [
    ['prune', 'deletes what is past its time, now'],
    ['prune --dry-run', 'says how much that would be'],
  ],
  options: { 'dry-run': { type: 'boolean' } },
  read(typed) {
    expectNoArguments(typed);
    return { dryRun: typed.values['dry-run'] === true };
  },
  async run(app, { dryRun }) {
    const { Retention } = await import('../retention/retention.service.js');
    const retention = app.get(Retention);
    const pruned = await (dryRun ? retention.count() : retention.prune());
    const data = { dryRun, pruned };
    return {
      data,
      text: columns([
        ['rows', dryRun ? 'would be deleted from' : 'deleted from'],
        ...pruned.map(({ rule, rows, failed }) => [
          String(rows),
          failed ? `${rule} (not all: see the log)` : rule,
        ]),
      ]),
      logged: data,
      ok: pruned.every(({ failed }) => !failed),
    };
  },
};
