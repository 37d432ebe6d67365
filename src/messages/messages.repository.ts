import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThan, Repository } from 'typeorm';
import { newId } from '../common/id.js';
import { Message } from './message.entity.js';

/** What people read and write. Every query begins with the owner: another person's message is no message. */
@Injectable()
export class MessagesRepository {
  constructor(@InjectRepository(Message) private readonly messages: Repository<Message>) {}

  /**
   * Stores a prompt, the reply that is owed for it, its charge and the room's activity in one statement: all or
   * nothing, one round trip, whatever dies.
   *
   * @returns prompt and reply, or null when there is no such room
   */
  async accept(
    userId: string,
    chatroomId: string,
    promptId: string,
    content: string,
  ): Promise<[prompt: Message, reply: Message] | null> {
    const now = new Date();
    const [prompt, reply] = [
      this.messages.create({
        id: promptId,
        role: 'user',
        content,
        status: 'completed',
        promptId: null,
        finishedAt: now,
      }),
      this.messages.create({
        id: newId(),
        role: 'model',
        content: '',
        status: 'pending',
        promptId,
        finishedAt: null,
      }),
    ].map((message) => Object.assign(message, { ...EMPTY, userId, chatroomId, createdAt: now })) as [
      Message,
      Message,
    ];
    const rows: unknown[] = await this.messages.query(
      `WITH room AS (
         UPDATE chatrooms SET last_activity_at = greatest(last_activity_at, $6)
         WHERE user_id = $1 AND id = $2 RETURNING user_id, id
       ), prompt AS (
         INSERT INTO messages (user_id, id, chatroom_id, role, content, status, created_at, finished_at)
         SELECT user_id, $3, id, 'user', $4, 'completed', $6, $6 FROM room
       ), reply AS (
         INSERT INTO messages (user_id, id, chatroom_id, role, content, status, prompt_id, created_at)
         SELECT user_id, $5, id, 'model', '', 'pending', $3, $6 FROM room
       ), charge AS (
         INSERT INTO prompt_charges (user_id, prompt_id) SELECT user_id, $3 FROM room
       )
       SELECT id FROM room`,
      [userId, chatroomId, promptId, content, reply.id, now],
    );
    return rows.length === 0 ? null : [prompt, reply];
  }

  find(userId: string, chatroomId: string, id: string): Promise<Message | null> {
    return this.messages.findOneBy({ userId, chatroomId, id });
  }

  /**
   * Ends a reply that is still owed with the text there is, and takes the charge back when there is none. Raises the
   * attempt: whatever the worker still writes is void.
   *
   * @returns the attempt to write under, and the prompt; null when there was nothing to cancel
   */
  async cancel(
    userId: string,
    chatroomId: string,
    id: string,
    content: string,
  ): Promise<{ attempt: number; promptId: string } | null> {
    const [row] = await this.messages.query<{ attempt: number; prompt_id: string }[]>(
      `WITH cancelled AS (
         UPDATE messages SET status = 'cancelled', content = $4, attempt = attempt + 1, finished_at = now()
         WHERE user_id = $1 AND chatroom_id = $2 AND id = $3 AND status IN ('pending', 'streaming')
         RETURNING user_id, prompt_id, attempt
       ), refund AS (
         DELETE FROM prompt_charges charge USING cancelled
         WHERE $4 = '' AND charge.user_id = cancelled.user_id AND charge.prompt_id = cancelled.prompt_id
       )
       SELECT attempt, prompt_id FROM cancelled`,
      [userId, chatroomId, id, content],
    );
    return row === undefined ? null : { attempt: row.attempt, promptId: row.prompt_id };
  }

  /** Newest first; one row more than `limit` when there are more. */
  list(userId: string, chatroomId: string, limit: number, beforeId?: string): Promise<Message[]> {
    return this.messages.find({
      where: { userId, chatroomId, ...(beforeId === undefined ? {} : { id: LessThan(beforeId) }) },
      order: { id: 'DESC' },
      take: limit + 1,
    });
  }
}

const EMPTY = {
  errorCode: null,
  finishReason: null,
  model: null,
  promptTokens: null,
  outputTokens: null,
  attempt: 0,
} satisfies Partial<Message>;
