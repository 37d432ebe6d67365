import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, Repository } from 'typeorm';
import { newId } from '../common/id.js';
import { IdempotencyKey } from '../idempotency/idempotency-key.entity.js';
import type { IdempotencyClaim } from '../idempotency/idempotent-request.js';
import { STREAM_LIFETIME_MS } from '../streaming/reply-stream.js';
import { Chatroom } from './chatroom.entity.js';

export type ChatroomFields = Partial<
  Pick<Chatroom, 'title' | 'systemInstruction' | 'model' | 'pinned' | 'archived'>
>;

/** What is kept under an idempotency key of a request for a room. */
export interface CreatedOutcome {
  roomId: string;
}

/** Which of a person's rooms. */
export interface ChatroomFilter {
  archived: boolean;
  /** Text that the title holds, in any case. */
  title?: string | undefined;
}

/** The sort key of a room in its owner's list. */
export interface ChatroomPosition {
  pinned: boolean;
  lastActivityAt: Date;
  id: string;
}

/** What is left to do in Redis once a room is gone. */
export interface RemovedRoom {
  refundedChargeIds: string[];
  /** Replies that somebody may be writing right now. */
  owedReplyIds: string[];
  /** Replies whose text may still be in a stream. */
  streamedReplyIds: string[];
}

/** Every query begins with the owner: another person's room is no room. */
@Injectable()
export class ChatroomsRepository {
  constructor(@InjectRepository(Chatroom) private readonly rooms: Repository<Chatroom>) {}

  /** @throws an error for which `IdempotencyKeysRepository.isTaken` holds, when a twin was faster */
  async create(userId: string, fields: ChatroomFields, claim: IdempotencyClaim | null): Promise<Chatroom> {
    const room = this.rooms.create({ ...fields, userId, id: newId(), lastActivityAt: new Date() });
    if (claim === null) await this.rooms.insert(room);
    else {
      await this.rooms.manager.transaction(async (manager) => {
        const outcome: CreatedOutcome = { roomId: room.id };
        await manager.insert(IdempotencyKey, { userId, ...claim, outcome });
        await manager.insert(Chatroom, room);
      });
    }
    return this.rooms.findOneByOrFail({ userId, id: room.id });
  }

  find(userId: string, id: string): Promise<Chatroom | null> {
    return this.rooms.findOneBy({ userId, id });
  }

  /** Pinned first, then newest activity; one row more than `limit` when there are more. */
  list(
    userId: string,
    { archived, title }: ChatroomFilter,
    limit: number,
    after?: ChatroomPosition,
  ): Promise<Chatroom[]> {
    const query = this.rooms
      .createQueryBuilder('room')
      .where('room.userId = :userId AND room.archived = :archived', { userId, archived })
      .orderBy('room.pinned', 'DESC')
      .addOrderBy('room.lastActivityAt', 'DESC')
      .addOrderBy('room.id', 'DESC')
      .limit(limit + 1);
    if (title !== undefined) query.andWhere('room.title ILIKE :like', { like: `%${escapeLike(title)}%` });
    if (after) {
      query.andWhere('(room.pinned, room.lastActivityAt, room.id) < (:pinned, :lastActivityAt, :id)', {
        ...after,
      });
    }
    return query.getMany();
  }

  /** What the person wants; a title of theirs, also none, is for good. Null when there is no such room. */
  async update(userId: string, id: string, fields: ChatroomFields): Promise<Chatroom | null> {
    const changes = 'title' in fields ? { ...fields, autoTitle: false } : fields;
    if (Object.keys(changes).length > 0) await this.rooms.update({ userId, id }, changes);
    return this.find(userId, id);
  }

  /** Whether there is such a room, without a title, and the model may give it one. */
  awaitsTitle(userId: string, id: string): Promise<boolean> {
    return this.rooms.existsBy({ userId, id, title: IsNull(), autoTitle: true });
  }

  /** Writes the model's title. False, and nothing is changed, where the person was faster or the room is gone. */
  async giveTitle(userId: string, id: string, title: string): Promise<boolean> {
    const { affected } = await this.rooms.update({ userId, id, title: IsNull(), autoTitle: true }, { title });
    return affected === 1;
  }

  /**
   * Deletes the room with its messages and, as nobody answers them now, the charges of prompts whose reply is owed.
   * Null when there is no such room.
   */
  remove(userId: string, id: string): Promise<RemovedRoom | null> {
    return this.rooms.manager.transaction(async (manager) => {
      // Locked first: no prompt can be accepted between the statements below.
      const room = await manager.findOne(Chatroom, {
        where: { userId, id },
        lock: { mode: 'pessimistic_write' },
      });
      if (room === null) return null;
      const live = await manager.query<{ id: string; charge_id: string; owed: boolean }[]>(
        `SELECT id, charge_id, finished_at IS NULL AS owed FROM messages
         WHERE user_id = $1 AND chatroom_id = $2 AND role = 'model'
           AND (finished_at IS NULL OR finished_at > $3) ORDER BY id FOR UPDATE`,
        [userId, id, new Date(Date.now() - STREAM_LIFETIME_MS)],
      );
      const owed = live.filter((reply) => reply.owed);
      await manager.query('DELETE FROM prompt_charges WHERE user_id = $1 AND id = ANY($2)', [
        userId,
        owed.map((reply) => reply.charge_id),
      ]);
      await manager.delete(Chatroom, { userId, id });
      return {
        refundedChargeIds: owed.map((reply) => reply.charge_id),
        owedReplyIds: owed.map((reply) => reply.id),
        streamedReplyIds: live.map((reply) => reply.id),
      };
    });
  }
}

/** For LIKE, whose default escape is the backslash. */
const escapeLike = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`);
