import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { AppError } from '../common/app-error.js';
import { firstIdAt, newId, newIdAfter } from '../common/id.js';
import { Env } from '../config/env.js';
import type { IdempotencyClaim } from '../idempotency/idempotent.decorator.js';
import type { Charge } from '../quota/tier-limit.guard.js';
import { dayStart } from '../quota/quota.service.js';
import type { OwedReply } from '../queue/queues.js';
import { type Tier, tierAt } from '../users/user.entity.js';
import { endVersion } from './conversation-versions.js';
import { Message } from './message.entity.js';
import { type Refusal, Refused } from './refusal.js';

/** What asks for a reply: a new prompt, or an earlier one that is to be answered again. */
export interface ReplyRequest {
  /** As the tier limit guard reserved it; a new prompt is stored under its id. */
  charge: Charge;
  /** The text of the new prompt; null to answer the prompt of the reply `replaces` again. */
  content: string | null;
  /** Where the conversation is begun anew: a prompt to be edited, a reply to be regenerated; null to go on. */
  replaces: string | null;
  claim: IdempotencyClaim | null;
}

export type AcceptedPrompt = [prompt: Message, reply: Message];

/** What is kept under an idempotency key of a request for a reply. */
export interface AcceptedOutcome {
  replyId: string;
}

/** A reply that is owed, and its place in the index of those. */
export interface OwedPosition extends OwedReply {
  chatroomId: string;
}

/** Before every id. */
const NIL = '00000000-0000-0000-0000-000000000000';

interface OwedRow {
  user_id: string;
  chatroom_id: string;
  id: string;
  tier: Tier;
  tier_until: Date | null;
}

/** Stores replies that are owed from then on, with everything that must be there if and only if they are. */
@Injectable()
export class OwedRepliesRepository {
  constructor(
    private readonly env: Env,
    @InjectRepository(Message) private readonly messages: Repository<Message>,
  ) {}

  /**
   * Stores the prompt where it is new, the reply that is owed for it, its charge, its idempotency key and the room's
   * activity, and ends the last version of the conversation where one is begun: all or nothing, whatever dies. The daily
   * limit is looked at again, since Redis may have been wiped while requests were on their way here.
   *
   * @returns prompt and reply as they are now, or why there are none
   * @throws an error for which `IdempotencyKeysRepository.isTaken` holds, when a twin was faster
   */
  async accept(userId: string, chatroomId: string, request: ReplyRequest): Promise<AcceptedPrompt | Refusal> {
    try {
      return await this.messages.manager.transaction(async (manager) => {
        // A statement of its own: those below must see what was stored by whoever had the lock before. Whoever stores an
        // owed reply takes it, or the bounds on unanswered prompts do not hold.
        const owner = await manager.query<unknown[]>(
          'SELECT 1 FROM users WHERE id = $1 AND deleting_at IS NULL FOR NO KEY UPDATE',
          [userId],
        );
        // Deleted since the request was let in.
        if (owner.length === 0) throw new AppError('UNAUTHENTICATED');
        return await this.store(manager, userId, chatroomId, request);
      });
    } catch (error) {
      if (error instanceof Refused) return error.refusal;
      throw error;
    }
  }

  /** A prompt and its reply as they were when the reply was accepted; null when they are gone. */
  async findAccepted(userId: string, { replyId }: AcceptedOutcome): Promise<AcceptedPrompt | null> {
    const reply = await this.messages.findOneBy({ userId, id: replyId });
    if (reply?.promptId == null) return null;
    const prompt = await this.messages.findOneBy({ userId, id: reply.promptId });
    if (prompt === null) return null;
    prompt.lastVersion = null;
    return [prompt, this.asAccepted(reply)];
  }

  /** Replies that were owed already at a moment (epoch ms), in the order of an index, from behind `after` on. */
  async listUnfinishedSince(moment: number, limit: number, after?: OwedPosition): Promise<OwedPosition[]> {
    const rows = await this.messages.query<OwedRow[]>(
      `SELECT reply.user_id, reply.chatroom_id, reply.id, person.tier, person.tier_until
       FROM messages reply JOIN users person ON person.id = reply.user_id
       WHERE reply.status IN ('pending', 'streaming') AND reply.id < $1
         AND (reply.user_id, reply.chatroom_id, reply.id) > ($3, $4, $5)
       ORDER BY reply.user_id, reply.chatroom_id, reply.id LIMIT $2`,
      [firstIdAt(moment), limit, after?.userId ?? NIL, after?.chatroomId ?? NIL, after?.replyId ?? NIL],
    );
    const now = new Date();
    return rows.map(({ user_id, chatroom_id, id, tier, tier_until }) => ({
      ...{ userId: user_id, chatroomId: chatroom_id, replyId: id },
      tier: tierAt({ tier, tierUntil: tier_until }, now),
    }));
  }

  private async store(
    manager: EntityManager,
    userId: string,
    chatroomId: string,
    { charge, content, replaces, claim }: ReplyRequest,
  ): Promise<AcceptedPrompt> {
    const replaced =
      replaces === null
        ? null
        : await endVersion(manager, userId, chatroomId, replaces, content === null ? 'model' : 'user');
    const promptId = content === null && replaced !== null ? replaced.promptId : charge.id;
    const versionOf = replaced?.versionOf ?? null;
    const now = new Date();
    // Made under the lock: replies are committed in the order of their ids, which is the order they are answered in.
    let replyId = newId();
    const accept = async (): Promise<Accepted | undefined> => {
      const dayEnd = charge.resetAt.getTime();
      const [accepted] = await manager.query<Accepted[]>(ACCEPT, [
        ...[userId, chatroomId, promptId, content, replyId, now],
        ...[this.env.USER_UNANSWERED_MAX, this.env.ROOM_UNANSWERED_MAX],
        ...[claim?.key ?? null, claim?.requestHash ?? null, { replyId } satisfies AcceptedOutcome],
        ...[charge.id, versionOf],
        ...[charge.limit, firstIdAt(dayStart(dayEnd - 1)), firstIdAt(dayEnd)],
      ]);
      return accepted;
    };
    let row = await accept();
    if (row?.refusal === 'OUT_OF_ORDER') {
      // Another process, whose clock is ahead of ours, was here before.
      replyId = newIdAfter(row.last_id);
      row = await accept();
    }
    if (row === undefined || row.refusal === 'OUT_OF_ORDER') throw new Refused('CHATROOM_NOT_FOUND');
    if (row.refusal !== null) throw new Refused(row.refusal);
    const both = { userId, chatroomId, version: row.version, createdAt: now };
    const replyVersionOf = content === null ? versionOf : null;
    const reply = this.asAccepted({
      ...{ ...both, id: replyId, promptId, chargeId: charge.id, versionOf: replyVersionOf },
    });
    if (content === null) return [await manager.findOneByOrFail(Message, { userId, id: promptId }), reply];
    const prompt = this.messages.create({
      ...{ ...EMPTY, ...both, id: promptId, versionOf, role: 'user', content, status: 'completed' },
      ...{ promptId: null, chargeId: null, finishedAt: now },
    });
    return [prompt, reply];
  }

  /** A reply as it is born. */
  private asAccepted(reply: Partial<Message>): Message {
    return this.messages.create({
      ...{ ...reply, ...EMPTY, role: 'model', content: '', status: 'pending', finishedAt: null },
    });
  }
}

/** What the statement says: `last_id` is the newest of the room before. */
interface Accepted {
  refusal: Refusal | 'OUT_OF_ORDER' | null;
  version: number;
  last_id: string;
}

/**
 * $4: null where the prompt is there. $13: the first version of the prompt, or else of the reply. $14: charges that the day
 * may have, null for any number; $15, $16: its first id and that of the next day.
 */
const ACCEPT = `
  WITH owed AS (
    SELECT count(*) AS of_person, count(*) FILTER (WHERE chatroom_id = $2) AS in_room
    FROM messages WHERE user_id = $1 AND status IN ('pending', 'streaming')
  ), today AS (
    SELECT $14::int IS NOT NULL AND $14 <= (
      SELECT count(*) FROM (
        SELECT 1 FROM prompt_charges WHERE user_id = $1 AND id >= $15 AND id < $16 LIMIT $14
      ) charge) AS used_up
  ), newest AS (
    SELECT max(id::text) AS id FROM (
      SELECT id FROM messages WHERE user_id = $1 AND chatroom_id = $2 ORDER BY id DESC LIMIT 1) message
  ), room AS (
    UPDATE chatrooms SET last_activity_at = greatest(last_activity_at, $6),
      version = version + CASE WHEN $13::uuid IS NULL THEN 0 ELSE 1 END
    FROM owed, today, newest WHERE user_id = $1 AND chatrooms.id = $2 AND of_person < $7 AND in_room < $8 AND NOT used_up
      AND (newest.id IS NULL OR newest.id::uuid < $5) RETURNING user_id, chatrooms.id, version
  ), prompt AS (
    INSERT INTO messages (user_id, id, chatroom_id, role, content, status, version, version_of, created_at, finished_at)
    SELECT user_id, $3, id, 'user', $4, 'completed', version, $13, $6, $6 FROM room WHERE $4::text IS NOT NULL
  ), reply AS (
    INSERT INTO messages (user_id, id, chatroom_id, role, content, status, prompt_id, charge_id, version, version_of, created_at)
    SELECT user_id, $5, id, 'model', '', 'pending', $3, $12, version, CASE WHEN $4::text IS NULL THEN $13 END, $6 FROM room
  ), charge AS (
    INSERT INTO prompt_charges (user_id, id) SELECT user_id, $12 FROM room
  ), claim AS (
    INSERT INTO idempotency_keys (user_id, key, request_hash, outcome)
    SELECT user_id, $9::text, $10::bytea, $11::json FROM room WHERE $9::text IS NOT NULL
  )
  SELECT CASE
    WHEN EXISTS (SELECT 1 FROM room) THEN NULL
    WHEN NOT EXISTS (SELECT 1 FROM chatrooms WHERE user_id = $1 AND id = $2) THEN 'CHATROOM_NOT_FOUND'
    WHEN in_room >= $8 THEN 'ROOM_UNANSWERED_LIMIT_REACHED'
    WHEN of_person >= $7 THEN 'USER_UNANSWERED_LIMIT_REACHED'
    WHEN used_up THEN 'DAILY_PROMPT_LIMIT_REACHED'
    WHEN newest.id::uuid >= $5 THEN 'OUT_OF_ORDER'
    ELSE 'CHATROOM_NOT_FOUND'
  END AS refusal, (SELECT version FROM room) AS version, newest.id AS last_id
  FROM owed, today, newest`;

const EMPTY = {
  lastVersion: null,
  errorCode: null,
  finishReason: null,
  model: null,
  promptTokens: null,
  outputTokens: null,
  turnsLeftOut: null,
  firstTokenMs: null,
  totalMs: null,
  attempt: 0,
} satisfies Partial<Message>;
