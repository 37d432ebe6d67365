import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, LessThan, LessThanOrEqual, MoreThanOrEqual, Repository } from 'typeorm';
import { bringBack, lastVersionWhere } from './conversation-versions.js';
import { Message } from './message.entity.js';

/** A message by its key: its owner is part of it. */
export interface MessageKey {
  userId: string;
  id: string;
}

/** What people read, and stop. Every query begins with the owner: another person's message is no message. */
@Injectable()
export class MessagesRepository {
  constructor(@InjectRepository(Message) private readonly messages: Repository<Message>) {}

  find(userId: string, chatroomId: string, id: string): Promise<Message | null> {
    return this.messages.findOneBy({ userId, chatroomId, id });
  }

  /** Many people's messages at once, each by its key: in that order, null for what is not there. */
  async findAll(keys: readonly MessageKey[]): Promise<(Message | null)[]> {
    const found = await this.messages
      .createQueryBuilder('message')
      .where(
        '(message.userId, message.id) IN (SELECT * FROM unnest(CAST(:userIds AS uuid[]), CAST(:ids AS uuid[])))',
      )
      .setParameters(arraysOf(keys))
      .getMany();
    const byId = new Map(found.map((message) => [message.id, message]));
    return keys.map(({ userId, id }) => {
      const message = byId.get(id);
      return message?.userId === userId ? message : null;
    });
  }

  /** Whether each of these replies is still owed; one that is not there is not. Reads no texts. */
  async areOwed(keys: readonly MessageKey[]): Promise<boolean[]> {
    const { userIds, ids } = arraysOf(keys);
    const rows = await this.messages.query<{ owed: boolean }[]>(
      `SELECT reply.id IS NOT NULL AS owed
       FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY asked (user_id, id, n)
       LEFT JOIN messages reply ON reply.user_id = asked.user_id AND reply.id = asked.id
         AND reply.status IN ('pending', 'streaming')
       ORDER BY n`,
      [userIds, ids],
    );
    return rows.map(({ owed }) => owed);
  }

  /**
   * The conversation, newest first; one row more than `limit` when there are more.
   *
   * @param version as it was then; null as it is now
   */
  list(
    userId: string,
    chatroomId: string,
    version: number | null,
    limit: number,
    beforeId?: string,
  ): Promise<Message[]> {
    const room = { userId, chatroomId, ...(beforeId === undefined ? {} : { id: LessThan(beforeId) }) };
    const current = { ...room, lastVersion: IsNull() };
    const then = version === null ? {} : { version: LessThanOrEqual(version) };
    return this.messages.find({
      where:
        version === null
          ? current
          : [
              { ...current, ...then },
              { ...room, ...then, lastVersion: MoreThanOrEqual(version) },
            ],
      order: { id: 'DESC' },
      take: limit + 1,
    });
  }

  /** All versions of a message, newest first; one row more than `limit` when there are more. */
  listVersions(userId: string, firstId: string, limit: number, beforeId?: string): Promise<Message[]> {
    const before = beforeId === undefined ? '' : 'AND message.id < :beforeId';
    return this.messages
      .createQueryBuilder('message')
      .where(
        `message.userId = :userId AND (message.id = :firstId OR message.versionOf = :firstId) ${before}`,
        {
          ...{ userId, firstId, beforeId },
        },
      )
      .orderBy('message.id', 'DESC')
      .limit(limit + 1)
      .getMany();
  }

  /**
   * Ends a reply that is still owed with the text there is, and takes the charge back when there is none. Raises the
   * attempt: whatever the worker still writes is void.
   *
   * @returns the attempt to write under, and the charge; null when there was nothing to cancel
   */
  async cancel(
    userId: string,
    chatroomId: string,
    id: string,
    content: string,
  ): Promise<{ attempt: number; chargeId: string } | null> {
    const [row] = await this.messages.query<{ attempt: number; charge_id: string }[]>(
      `WITH cancelled AS (
         UPDATE messages reply SET status = 'cancelled', content = $4, attempt = attempt + 1, finished_at = now(),
           last_version = ${lastVersionWhere("$4 = ''")}
         WHERE user_id = $1 AND chatroom_id = $2 AND id = $3 AND status IN ('pending', 'streaming')
         RETURNING user_id, chatroom_id, charge_id, attempt, last_version
       ), back AS (${bringBack('cancelled')}
       ), refund AS (
         DELETE FROM prompt_charges charge USING cancelled
         WHERE $4 = '' AND charge.user_id = cancelled.user_id AND charge.id = cancelled.charge_id
       )
       SELECT attempt, charge_id FROM cancelled`,
      [userId, chatroomId, id, content],
    );
    return row === undefined ? null : { attempt: row.attempt, chargeId: row.charge_id };
  }
}

/** As arguments of a statement that stays the same whatever their number. */
const arraysOf = (keys: readonly MessageKey[]): { userIds: string[]; ids: string[] } => ({
  userIds: keys.map(({ userId }) => userId),
  ids: keys.map(({ id }) => id),
});
