import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, LessThan, LessThanOrEqual, MoreThanOrEqual, Repository } from 'typeorm';
import { bringBack, lastVersionWhere } from './conversation-versions.js';
import { Message } from './message.entity.js';

/** What people read, and stop. Every query begins with the owner: another person's message is no message. */
@Injectable()
export class MessagesRepository {
  constructor(@InjectRepository(Message) private readonly messages: Repository<Message>) {}

  find(userId: string, chatroomId: string, id: string): Promise<Message | null> {
    return this.messages.findOneBy({ userId, chatroomId, id });
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
