import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { firstIdAt } from '../common/id.js';
import { type Tier, tierAt } from '../users/user.entity.js';
import { Message, type MessageStatus } from './message.entity.js';

/** A reply that is owed. */
export interface OwedReplyState {
  id: string;
  chatroomId: string;
  status: MessageStatus;
  attempt: number;
  failures: number;
  createdAt: Date;
}

/** A reply that has failed. */
export interface FailedReply {
  id: string;
  userId: string;
  errorCode: string | null;
  finishedAt: Date | null;
}

/** A reply that operators act on, with what is needed for that. */
export interface OperatedReply extends FailedReply {
  chatroomId: string;
  status: MessageStatus;
  chargeId: string;
  /** Of its person, now. */
  tier: Tier;
}

interface OperatedRow extends Omit<OperatedReply, 'tier'> {
  tier: Tier;
  tierUntil: Date | null;
}

/** Replies as operators look at them, whoever's they are: states and codes, never words. */
@Injectable()
export class OperatedRepliesRepository {
  constructor(@InjectRepository(Message) private readonly messages: Repository<Message>) {}

  /** Of one person, the longest waiting first. */
  listOwedTo(userId: string, limit: number): Promise<OwedReplyState[]> {
    return this.messages.query<OwedReplyState[]>(
      `SELECT id, chatroom_id AS "chatroomId", status, attempt, failures, created_at AS "createdAt" FROM messages
        WHERE user_id = $1 AND status IN ('pending', 'streaming') ORDER BY id LIMIT $2`,
      [userId, limit],
    );
  }

  /** Of one person, since a moment (epoch ms), the newest first; without those that were asked for anew. */
  listFailedOf(userId: string, since: number, limit: number): Promise<FailedReply[]> {
    return this.messages.query<FailedReply[]>(
      `SELECT id, user_id AS "userId", error_code AS "errorCode", finished_at AS "finishedAt" FROM messages
        WHERE user_id = $1 AND id >= $2 AND status = 'failed' AND last_version IS NULL ORDER BY id DESC LIMIT $3`,
      [userId, firstIdAt(since), limit],
    );
  }

  /**
   * Of everybody, the oldest first: those that failed since a moment (epoch ms) and that nothing came after, so that
   * asking for them anew takes nothing out of sight.
   *
   * @param after the id that the page before ended with
   */
  async listFailed(since: number, limit: number, after?: string): Promise<OperatedReply[]> {
    const rows = await this.messages.query<OperatedRow[]>(
      `${OPERATED} WHERE reply.status = 'failed' AND reply.last_version IS NULL AND reply.id >= $1 AND reply.id > $2
         AND NOT EXISTS (SELECT FROM messages later WHERE later.user_id = reply.user_id
           AND later.chatroom_id = reply.chatroom_id AND later.id > reply.id AND later.last_version IS NULL)
       ORDER BY reply.id LIMIT $3`,
      [firstIdAt(since), after ?? firstIdAt(0), limit],
    );
    return rows.map(toOperated);
  }

  /** Those of these ids that are owed, or have failed. Finds each by an index of the few that are so. */
  async find(ids: readonly string[]): Promise<OperatedReply[]> {
    const rows = await this.messages.query<OperatedRow[]>(
      `${OPERATED} WHERE reply.status = 'failed' AND reply.last_version IS NULL AND reply.id = ANY($1)
       UNION ALL
       ${OPERATED} WHERE reply.status IN ('pending', 'streaming') AND reply.id = ANY($1)`,
      [ids],
    );
    return rows.map(toOperated);
  }
}

const OPERATED = `
  SELECT reply.id, reply.user_id AS "userId", reply.chatroom_id AS "chatroomId", reply.status,
         reply.charge_id AS "chargeId", reply.error_code AS "errorCode", reply.finished_at AS "finishedAt",
         person.tier, person.tier_until AS "tierUntil"
    FROM messages reply JOIN users person ON person.id = reply.user_id`;

const toOperated = ({ tier, tierUntil, ...row }: OperatedRow): OperatedReply => ({
  ...row,
  tier: tierAt({ tier, tierUntil }, new Date()),
});
