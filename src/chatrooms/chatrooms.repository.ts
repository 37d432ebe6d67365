import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { newId } from '../common/id.js';
import { Chatroom } from './chatroom.entity.js';

export type ChatroomFields = Partial<Pick<Chatroom, 'title' | 'systemInstruction' | 'model'>>;

/** The sort key of a room in its owner's list. */
export interface ChatroomPosition {
  lastActivityAt: Date;
  id: string;
}

/** Every query begins with the owner: another person's room is no room. */
@Injectable()
export class ChatroomsRepository {
  constructor(@InjectRepository(Chatroom) private readonly rooms: Repository<Chatroom>) {}

  async create(userId: string, fields: ChatroomFields): Promise<Chatroom> {
    const room = this.rooms.create({ ...fields, userId, id: newId(), lastActivityAt: new Date() });
    await this.rooms.insert(room);
    return this.rooms.findOneByOrFail({ userId, id: room.id });
  }

  find(userId: string, id: string): Promise<Chatroom | null> {
    return this.rooms.findOneBy({ userId, id });
  }

  /** Newest activity first; one row more than `limit` when there are more. */
  list(userId: string, limit: number, after?: ChatroomPosition): Promise<Chatroom[]> {
    const query = this.rooms
      .createQueryBuilder('room')
      .where('room.userId = :userId', { userId })
      .orderBy('room.lastActivityAt', 'DESC')
      .addOrderBy('room.id', 'DESC')
      .limit(limit + 1);
    if (after) {
      query.andWhere('(room.lastActivityAt, room.id) < (:lastActivityAt, :id)', { ...after });
    }
    return query.getMany();
  }

  /** Null when there is no such room. */
  async update(userId: string, id: string, fields: ChatroomFields): Promise<Chatroom | null> {
    if (Object.keys(fields).length > 0) await this.rooms.update({ userId, id }, fields);
    return this.find(userId, id);
  }

  /** False when there was no such room. Its messages go with it. */
  async remove(userId: string, id: string): Promise<boolean> {
    const { affected } = await this.rooms.delete({ userId, id });
    return affected === 1;
  }
}
