import { idTime } from '../common/id.js';
import type { OwedReply } from './queues.js';

/** BullMQ's highest: it orders by priority * 2^32 + a counter, in a double. */
const PRIORITY_MAX = 2 ** 21 - 1;
export const FIRST_PRIORITY = 1;

/**
 * A reply's place in the queue, lower first: the second at which it is due. Pro replies are due when they were accepted,
 * Basic ones a head start later. So Pro goes ahead, and yet every reply has its turn: nothing that was accepted later
 * than the head start after it is taken before it. Made from the id, so a reply that is queued again keeps its place.
 *
 * The seconds go through BullMQ's range in 24 days and then begin at 1 again, ahead of all that still waits from before.
 * Such a reply has the first place from then on, or it would be passed by for 24 days. (A Basic reply that is due after that
 * moment and was accepted before it comes too soon, by the head start at most.)
 *
 * @param now epoch ms
 */
export function priorityOf(reply: OwedReply, headStartSeconds: number, now = Date.now()): number {
  const due = Math.floor(idTime(reply.replyId) / 1000) + (reply.tier === 'pro' ? 0 : headStartSeconds);
  return round(due) < round(now / 1000) ? FIRST_PRIORITY : FIRST_PRIORITY + (due % PRIORITY_MAX);
}

const round = (second: number): number => Math.floor(second / PRIORITY_MAX);
