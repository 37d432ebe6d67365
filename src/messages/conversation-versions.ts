import type { EntityManager } from 'typeorm';
import { Message, type MessageRole } from './message.entity.js';
import { Refused } from './refusal.js';

/** What a message that is written anew takes the place of. */
export interface Replaced {
  /** The first version of the message. */
  versionOf: string;
  /** The prompt that was answered, or is edited. */
  promptId: string;
}

/**
 * Ends the version of a conversation that is now, for the next one to begin at a message: that message, what answers it
 * and all turns after it are no part of what comes. Replies are numbered in the order of their turns, so a turn is after
 * another when its reply is; the id of its prompt need not be, when prompts came at once.
 *
 * @param id the prompt that is edited, or the reply that is regenerated
 * @param role what that message must be
 * @throws Refused
 */
export async function endVersion(
  manager: EntityManager,
  userId: string,
  chatroomId: string,
  id: string,
  role: MessageRole,
): Promise<Replaced> {
  // The room before its messages, as ChatroomsRepository.remove does: in any other order each could wait for the other.
  const [room] = await manager.query<{ version: number }[]>(
    'SELECT version FROM chatrooms WHERE user_id = $1 AND id = $2 FOR NO KEY UPDATE',
    [userId, chatroomId],
  );
  const message = room && (await manager.findOneBy(Message, { userId, chatroomId, id }));
  if (!room || !message) throw new Refused('MESSAGE_NOT_FOUND');
  if (message.role !== role) throw new Refused(role === 'user' ? 'NOT_A_PROMPT' : 'NOT_A_REPLY');
  if (message.lastVersion !== null) throw new Refused('MESSAGE_SUPERSEDED');
  const promptId = message.promptId ?? message.id;
  const [ended] = await manager.query<{ unfinished: number }[]>(END_VERSION, [
    ...[userId, chatroomId, room.version, promptId, role === 'model'],
  ]);
  if (ended?.unfinished !== 0) throw new Refused('REPLY_UNFINISHED');
  return { versionOf: message.versionOf ?? message.id, promptId };
}

/**
 * That nothing of the conversation comes after a message. Holds as long as nobody can store a reply: within the
 * transaction that has the person's row.
 *
 * @throws Refused
 */
export async function assertAtEnd(
  manager: EntityManager,
  userId: string,
  chatroomId: string,
  id: string,
): Promise<void> {
  const later = await manager.query<unknown[]>(
    `SELECT FROM messages WHERE user_id = $1 AND chatroom_id = $2 AND id > $3 AND last_version IS NULL LIMIT 1`,
    [userId, chatroomId, id],
  );
  if (later.length > 0) throw new Refused('MESSAGE_SUPERSEDED');
}

/**
 * The `last_version` of a regenerated reply that ends as nothing (failed, blocked, cancelled before its first word): it is
 * part of no version, and what it took the place of comes back; unless the conversation has gone on from it.
 *
 * @param nothing SQL that is true for such an end of `reply`
 */
export const lastVersionWhere = (
  nothing: string,
): string => `CASE WHEN ${nothing} AND reply.version_of IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM messages later WHERE later.user_id = reply.user_id
    AND later.chatroom_id = reply.chatroom_id AND later.id > reply.id) THEN reply.version - 1 END`;

/** Follows in the same statement: brings back what went when a reply of `ended` took its place. */
export const bringBack = (ended: string): string => `
  UPDATE messages SET last_version = NULL FROM ${ended}
  WHERE ${ended}.last_version IS NOT NULL AND messages.user_id = ${ended}.user_id
    AND messages.chatroom_id = ${ended}.chatroom_id AND messages.last_version = ${ended}.last_version`;

/** $4: the prompt of the first turn that goes. $5: whether it stays, to be answered again. */
const END_VERSION = `
  WITH first AS (
    SELECT id FROM messages WHERE user_id = $1 AND prompt_id = $4 AND last_version IS NULL
  ), replies AS (
    UPDATE messages SET last_version = $3 FROM first
    WHERE user_id = $1 AND chatroom_id = $2 AND last_version IS NULL AND role = 'model' AND messages.id >= first.id
    RETURNING prompt_id, finished_at
  ), prompts AS (
    UPDATE messages SET last_version = $3 FROM replies
    WHERE user_id = $1 AND messages.id = replies.prompt_id AND NOT ($5 AND messages.id = $4)
  )
  SELECT count(*) FILTER (WHERE finished_at IS NULL)::int AS unfinished FROM replies`;
