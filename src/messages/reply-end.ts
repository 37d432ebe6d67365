import { idTime } from '../common/id.js';
import { facts, type ReplyEnd } from '../metrics/facts.js';

/**
 * Lets those who count replies know that one is final; to be called by whoever made it so.
 *
 * @param replyId says when it was accepted, by the clock of the process that did
 * @param firstTokenAt epoch ms; null where there is no answer
 */
export function tellReplyEnded(
  replyId: string,
  { status, errorCode }: Pick<ReplyEnd, 'status' | 'errorCode'>,
  firstTokenAt: number | null = null,
): void {
  const acceptedAt = idTime(replyId);
  const secondsUntil = (moment: number): number => Math.max(0, moment - acceptedAt) / 1000;
  facts.replyEnded.tell({
    ...{ status, errorCode, seconds: secondsUntil(Date.now()) },
    firstTokenSeconds: firstTokenAt === null ? null : secondsUntil(firstTokenAt),
  });
}
