import { type Command, expectNoArguments } from './command.js';

/** The comparison with Stripe that workers make every hour, now and here. */
export const RECONCILE: Command<undefined> = {
  usage: [['reconcile', 'compares every customer with Stripe, now and here, and repairs what differs']],
  options: {},
  read(typed) {
    expectNoArguments(typed);
    return undefined;
  },
  async run(app) {
    const { Reconciler } = await import('../billing/reconcile.service.js');
    const report = await app.get(Reconciler).run();
    const { compared, repaired, failed } = report;
    return {
      data: report,
      text: `${compared} customers compared, ${repaired} repaired, ${failed} could not be compared`,
      logged: report,
      ok: failed === 0,
    };
  },
};
