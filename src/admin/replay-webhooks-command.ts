import type { StripeEventService } from '../billing/stripe-event.service.js';
import { columns } from './columns.js';
import { type Command, type Outcome, UsageError } from './command.js';

/** Failed events that are listed, the newest ones. */
const LISTED = 100;

/** Webhook events that were given up. */
export const REPLAY_WEBHOOKS: Command<'list' | 'failed' | readonly string[]> = {
  usage: [
    ['replay-webhooks', 'lists the webhook events that were given up, the newest 100'],
    ['replay-webhooks --failed', 'has all of them acted on once more, by the running workers'],
    ['replay-webhooks evt_1 evt_2', 'has these acted on once more'],
  ],
  options: { failed: { type: 'boolean' } },
  read({ values, positionals }) {
    const wrong = positionals.find((id) => !/^evt_\w+$/.test(id));
    if (wrong !== undefined) throw new UsageError(`${wrong} is no id of an event (evt_…).`);
    if (values.failed !== true) return positionals.length === 0 ? 'list' : positionals;
    if (positionals.length > 0) throw new UsageError('Either --failed or ids.');
    return 'failed';
  },
  async run(app, which) {
    const services = await import('../billing/stripe-event.service.js');
    const events = app.get(services.StripeEventService);
    return which === 'list' ? list(events) : replay(events, which);
  },
};

async function list(events: StripeEventService): Promise<Outcome> {
  const failed = (await events.listFailed(LISTED)).map(
    ({ id, type, customerId, receivedAt, attempts, lastError }) => ({
      ...{ id, type, customerId, receivedAt, attempts, lastError },
    }),
  );
  const rows = failed.map(({ id, type, receivedAt, attempts, lastError }) => [
    ...[id, type, receivedAt.toISOString(), `${attempts} attempts`, lastError ?? ''],
  ]);
  return {
    data: { failed },
    text: [`${failed.length} events were given up`, columns(rows)].join('\n').trimEnd(),
    logged: { failed: failed.length },
    ok: true,
  };
}

async function replay(events: StripeEventService, which: 'failed' | readonly string[]): Promise<Outcome> {
  const replayed = await events.replay(which);
  const unknown = which === 'failed' ? [] : which.filter((id) => !replayed.includes(id));
  return {
    data: { replayed, unknown },
    text: [
      `${replayed.length} events are acted on once more`,
      ...replayed,
      ...unknown.map((id) => `${id} is not known`),
    ].join('\n'),
    logged: { replayed, unknown },
    ok: unknown.length === 0,
  };
}
