import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThan, Repository } from 'typeorm';
import type { ProblemCode } from '../common/app-error.js';
import { newId } from '../common/id.js';
import { Env } from '../config/env.js';
import type { IdempotencyClaim } from '../idempotency/idempotent.decorator.js';
import { Message } from './message.entity.js';

/** A prompt on its way in. */
export interface SentPrompt {
  /** As the tier limit guard reserved it. */
  promptId: string;
  content: string;
  claim: IdempotencyClaim | null;
}

export type AcceptedPrompt = [prompt: Message, reply: Message];

/** What is kept under an idempotency key of a prompt. */
export interface AcceptedOutcome {
  promptId: string;
}

/** Why a prompt was not stored. */
export type Refusal = Extract<
  ProblemCode,
  'CHATROOM_NOT_FOUND' | 'ROOM_UNANSWERED_LIMIT_REACHED' | 'USER_UNANSWERED_LIMIT_REACHED'
>;

/** What people read and write. Every query begins with the owner: another person's message is no message. */
@Injectable()
export class MessagesRepository {
  constructor(
    private readonly env: Env,
    @InjectRepository(Message) private readonly messages: Repository<Message>,
  ) {}

  /**
   * Stores a prompt, the reply that is owed for it, its charge, its idempotency key and the room's activity in one
   * statement: all or nothing, whatever dies. Whoever stores an owed reply locks the person first, as here, or the
   * bounds on unanswered prompts do not hold.
   *
   * @returns prompt and reply, or why there are none
   * @throws an error for which `IdempotencyKeysRepository.isTaken` holds, when a twin was faster
   */
  async accept(userId: string, chatroomId: string, sent: SentPrompt): Promise<AcceptedPrompt | Refusal> {
    const { promptId, content, claim } = sent;
    const now = new Date();
    const { ROOM_UNANSWERED_MAX, USER_UNANSWERED_MAX } = this.env;
    const [replyId, [row]] = await this.messages.manager.transaction(async (manager) => {
      // A statement of its own: the one below must see what was stored by whoever had the lock before.
      await manager.query('SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId]);
      // Made under the lock: replies are committed in the order of their ids, which is the order they are answered in.
      const id = newId();
      const rows = await manager.query<{ refusal: Refusal | null }[]>(ACCEPT, [
        ...[userId, chatroomId, promptId, content, id, now, USER_UNANSWERED_MAX, ROOM_UNANSWERED_MAX],
        ...[claim?.key ?? null, claim?.requestHash ?? null, { promptId } satisfies AcceptedOutcome],
      ]);
      return [id, rows] as const;
    });
    if (row?.refusal !== null) return row?.refusal ?? 'CHATROOM_NOT_FOUND';
    const prompt = this.messages.create({
      ...EMPTY,
      ...{ userId, id: promptId, chatroomId, role: 'user', content, status: 'completed', promptId: null },
      ...{ createdAt: now, finishedAt: now },
    });
    return [prompt, this.asAccepted({ userId, id: replyId, chatroomId, promptId, createdAt: now })];
  }

  /** A prompt and its reply as they were when the prompt was accepted. */
  async findAccepted(userId: string, promptId: string): Promise<AcceptedPrompt | null> {
    const [prompt, reply] = await Promise.all([
      this.messages.findOneBy({ userId, id: promptId }),
      this.messages.findOneBy({ userId, promptId }),
    ]);
    return prompt === null || reply === null ? null : [prompt, this.asAccepted(reply)];
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

  /** A reply as it is born. */
  private asAccepted(
    reply: Pick<Message, 'userId' | 'id' | 'chatroomId' | 'promptId' | 'createdAt'>,
  ): Message {
    return this.messages.create({
      ...reply,
      ...EMPTY,
      ...{ role: 'model', content: '', status: 'pending', finishedAt: null },
    });
  }
}

const ACCEPT = `
  WITH owed AS (
    SELECT count(*) AS of_person, count(*) FILTER (WHERE chatroom_id = $2) AS in_room
    FROM messages WHERE user_id = $1 AND status IN ('pending', 'streaming')
  ), room AS (
    UPDATE chatrooms SET last_activity_at = greatest(last_activity_at, $6)
    FROM owed WHERE user_id = $1 AND id = $2 AND of_person < $7 AND in_room < $8 RETURNING user_id, id
  ), prompt AS (
    INSERT INTO messages (user_id, id, chatroom_id, role, content, status, created_at, finished_at)
    SELECT user_id, $3, id, 'user', $4, 'completed', $6, $6 FROM room
  ), reply AS (
    INSERT INTO messages (user_id, id, chatroom_id, role, content, status, prompt_id, created_at)
    SELECT user_id, $5, id, 'model', '', 'pending', $3, $6 FROM room
  ), charge AS (
    INSERT INTO prompt_charges (user_id, prompt_id) SELECT user_id, $3 FROM room
  ), claim AS (
    INSERT INTO idempotency_keys (user_id, key, request_hash, outcome)
    SELECT user_id, $9::text, $10::bytea, $11::json FROM room WHERE $9::text IS NOT NULL
  )
  SELECT CASE
    WHEN EXISTS (SELECT 1 FROM room) THEN NULL
    WHEN NOT EXISTS (SELECT 1 FROM chatrooms WHERE user_id = $1 AND id = $2) THEN 'CHATROOM_NOT_FOUND'
    WHEN in_room >= $8 THEN 'ROOM_UNANSWERED_LIMIT_REACHED'
    WHEN of_person >= $7 THEN 'USER_UNANSWERED_LIMIT_REACHED'
    ELSE 'CHATROOM_NOT_FOUND'
  END AS refusal FROM owed`;

const EMPTY = {
  errorCode: null,
  finishReason: null,
  model: null,
  promptTokens: null,
  outputTokens: null,
  attempt: 0,
} satisfies Partial<Message>;
