import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { AppError } from '../common/app-error.js';
import { firstIdAt, newId } from '../common/id.js';
import { Env } from '../config/env.js';
import type { IdempotencyClaim } from '../idempotency/idempotent-request.js';
import { type Charge, dayStart } from '../quota/quota.service.js';
import type { OwedReply } from '../queue/queues.js';
import { type Tier, tierAt } from '../users/user.entity.js';
import { assertAtEnd, endVersion, type Replaced } from './conversation-versions.js';
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
  /** Refuses as superseded what the conversation has gone on from, so that nothing of it goes out of sight. */
  onlyAtEnd?: true;
  claim: IdempotencyClaim | null;
}

export interface AcceptedPrompt {
  prompt: Message;
  reply: Message;
}

/** What was stored, and the person's tier at that moment. */
export interface StoredPrompt extends AcceptedPrompt {
  tier: Tier;
}

/** What is kept under an idempotency key of a request for a reply; `accept_reply` writes it. */
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
  async accept(userId: string, chatroomId: string, request: ReplyRequest): Promise<StoredPrompt | Refusal> {
    const { manager } = this.messages;
    const { replaces, onlyAtEnd } = request;
    try {
      // One call is a transaction by itself.
      if (replaces === null) return await this.store(manager, userId, chatroomId, request, null);
      return await manager.transaction(async (within) => {
        await lockPerson(within, userId);
        if (onlyAtEnd) await assertAtEnd(within, userId, chatroomId, replaces);
        const role = request.content === null ? 'model' : 'user';
        const replaced = await endVersion(within, userId, chatroomId, replaces, role);
        return this.store(within, userId, chatroomId, request, replaced);
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
    return { prompt, reply: asAccepted(reply) };
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
    { charge, content, claim }: ReplyRequest,
    replaced: Replaced | null,
  ): Promise<StoredPrompt> {
    const promptId = content === null && replaced !== null ? replaced.promptId : charge.id;
    const versionOf = replaced?.versionOf ?? null;
    const now = new Date();
    const dayEnd = charge.resetAt.getTime();
    const [{ refusal, room_version: version, reply: replyId, tier }] = await manager.query<[Accepted]>(
      ACCEPT,
      [
        ...[userId, chatroomId, promptId, content, newId(), now],
        ...[this.env.USER_UNANSWERED_MAX, this.env.ROOM_UNANSWERED_MAX],
        ...[claim?.key ?? null, claim?.requestHash ?? null],
        ...[charge.id, versionOf, charge.limit, firstIdAt(dayStart(dayEnd - 1)), firstIdAt(dayEnd)],
      ],
    );
    if (refusal === 'PERSON_NOT_FOUND') throw new AppError('UNAUTHENTICATED');
    if (refusal !== null) throw new Refused(refusal);
    const both = { userId, chatroomId, version, createdAt: now };
    const replyVersionOf = content === null ? versionOf : null;
    const reply = asAccepted({
      ...{ ...both, id: replyId, promptId, chargeId: charge.id, versionOf: replyVersionOf },
    });
    if (content === null) {
      return { prompt: await manager.findOneByOrFail(Message, { userId, id: promptId }), reply, tier };
    }
    const prompt = messageOf({
      ...{ ...EMPTY, ...both, id: promptId, versionOf, role: 'user', content, status: 'completed' },
      ...{ promptId: null, chargeId: null, finishedAt: now },
    });
    return { prompt, reply, tier };
  }
}

const messageOf = (fields: Partial<Message>): Message => Object.assign(new Message(), fields);

/** A reply as it is born. */
const asAccepted = (reply: Partial<Message>): Message =>
  messageOf({ ...reply, ...EMPTY, role: 'model', content: '', status: 'pending', finishedAt: null });

/** Deleted since the request was let in: as if it had not been. */
async function lockPerson(manager: EntityManager, userId: string): Promise<void> {
  const person = await manager.query<unknown[]>(
    'SELECT FROM users WHERE id = $1 AND deleting_at IS NULL FOR NO KEY UPDATE',
    [userId],
  );
  if (person.length === 0) throw new AppError('UNAUTHENTICATED');
}

/** What `accept_reply` says; see its migration. `reply` is its id, which may be later than the one that was offered. */
interface Accepted {
  refusal: Refusal | 'PERSON_NOT_FOUND' | null;
  room_version: number;
  reply: string;
  tier: Tier;
}

const ACCEPT = `
  SELECT refusal, room_version, reply, tier
  FROM accept_reply($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`;

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
