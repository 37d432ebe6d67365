import { isUUID } from 'class-validator';
import { columns } from './columns.js';
import { type Command, type Outcome, UsageError } from './command.js';
import type { ReplyRequeue, Requeued } from './reply-requeue.js';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DEFAULT_SINCE = '24h';
const SINCE_MS_MAX = 30 * UNIT_MS.d;
/** Failed replies that are listed, the oldest ones. */
const LISTED = 100;

/** `since`: ms before now. */
type Which = { replyIds: readonly string[] } | { act: boolean; since: number };

/** Replies that failed, or that somebody waits for in vain. */
export const REQUEUE_REPLIES: Command<Which> = {
  usage: [
    [
      'requeue-replies [--since 24h]',
      'lists replies that failed and that nothing came after (m, h, d; up to 30d)',
    ],
    ['requeue-replies --failed [--since 24h]', 'has another one written in the place of each of them'],
    ['requeue-replies <id> …', 'does that for these; those that are still owed get their job again, at once'],
  ],
  explanation: `A reply that failed stays as it ended; its person was told and not charged. requeue-replies asks for another one in its
place, as its person could with "regenerate". It is charged to the day of the failed one, and only if it is answered. Where the
conversation has gone on, or a reply was blocked, cancelled or answered, nothing is done.`,
  options: { failed: { type: 'boolean' }, since: { type: 'string' } },
  read({ values, positionals }) {
    if (positionals.length === 0) {
      const since = typeof values.since === 'string' ? values.since : DEFAULT_SINCE;
      return { act: values.failed === true, since: durationMs(since) };
    }
    if (values.failed === true || values.since !== undefined)
      throw new UsageError('Either ids, or --failed.');
    const wrong = positionals.find((id) => !isUUID(id));
    if (wrong !== undefined) throw new UsageError(`${wrong} is no id of a reply.`);
    return { replyIds: positionals.map((id) => id.toLowerCase()) };
  },
  async run(app, which) {
    const services = await import('./reply-requeue.js');
    const requeue = app.get(services.ReplyRequeue);
    if ('replyIds' in which) return told(await requeue.requeue(which.replyIds));
    const since = Date.now() - which.since;
    return which.act ? told(await requeue.requeueFailed(since)) : list(requeue, since);
  },
};

async function list(requeue: ReplyRequeue, since: number): Promise<Outcome> {
  const failed = (await requeue.list(since, LISTED)).map(({ id, userId, errorCode, finishedAt }) => ({
    ...{ id, userId, errorCode, finishedAt },
  }));
  const rows = failed.map(({ id, userId, errorCode, finishedAt }) => [
    ...[id, finishedAt?.toISOString() ?? '', errorCode ?? '', `of ${userId}`],
  ]);
  return {
    data: { failed },
    text: [`${failed.length} replies have failed, and nothing came after them`, columns(rows)]
      .join('\n')
      .trimEnd(),
    logged: { failed: failed.length },
    ok: true,
  };
}

function told(requeued: readonly Requeued[]): Outcome {
  const rows = requeued.map((each) => [
    ...[each.replyId, each.outcome],
    ...('newReplyId' in each ? [each.newReplyId] : 'reason' in each ? [each.reason] : []),
  ]);
  const undone = requeued.filter(({ outcome }) => outcome === 'left alone').length;
  return {
    data: { requeued },
    text: [`${requeued.length - undone} replies are worked on, ${undone} were left alone`, columns(rows)]
      .join('\n')
      .trimEnd(),
    logged: { requeued },
    ok: undone === 0,
  };
}

/** @throws UsageError */
function durationMs(text: string): number {
  const [, amount, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const ms = Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  if (!(ms > 0 && ms <= SINCE_MS_MAX))
    throw new UsageError(`--since takes a time such as 30m, 24h or 7d, up to 30d.`);
  return ms;
}
