import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { AppError } from '../common/app-error.js';
import { Batcher } from '../common/batcher.js';
import { firstIdAt, newId } from '../common/id.js';
import { Env } from '../config/env.js';
import type { IdempotencyClaim } from '../idempotency/idempotent-request.js';
import { type Charge, dayStart } from '../quota/quota.service.js';
import type { OwedReply } from '../queue/queues.js';
import { type Tier, tierAt } from '../users/user.entity.js';
import { type AcceptedPrompt, promptAsAccepted, replyAsAccepted } from './accepted-prompt.js';
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

/** What was stored, and the person's tier at that moment. */
export interface StoredPrompt extends AcceptedPrompt {
  tier: Tier;
}

/** What is kept under an idempotency key of a request for a reply; `accept_replies` writes it. */
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

interface Asked {
  userId: string;
  chatroomId: string;
  request: ReplyRequest;
  replaced: Replaced | null;
}

/** Requests in one statement. */
const BATCH_MAX = 100;

/** Stores replies that are owed from then on, with everything that must be there if and only if they are. */
@Injectable()
export class OwedRepliesRepository {
  /** A person's requests go one after the other: each must see what was stored before it. */
  private readonly batcher = new Batcher(
    (asked: readonly Asked[]) => this.store(this.messages.manager, asked),
    { most: BATCH_MAX, keyOf: ({ userId }) => userId, atOnce: 2 },
  );

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
    const { replaces } = request;
    try {
      if (replaces === null) {
        const stored = await this.batcher.run({ userId, chatroomId, request, replaced: null });
        if (stored !== 'BUSY') return stored;
      }
      return await this.messages.manager.transaction(async (within) => {
        await lockPerson(within, userId);
        const replaced = await this.lockPlace(within, userId, chatroomId, request);
        const [stored] = await this.store(within, [{ userId, chatroomId, request, replaced }]);
        if (stored === undefined || stored === 'BUSY') throw new Error('What is locked here was not free');
        if (typeof stored === 'string') throw new Refused(stored);
        return stored;
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
    return { prompt, reply: replyAsAccepted(reply) };
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

  /** Waits for the room, and ends the version of the conversation where the next one is to begin. */
  private async lockPlace(
    within: EntityManager,
    userId: string,
    chatroomId: string,
    { replaces, onlyAtEnd, content }: ReplyRequest,
  ): Promise<Replaced | null> {
    if (replaces === null) {
      await lockRoom(within, userId, chatroomId);
      return null;
    }
    if (onlyAtEnd) await assertAtEnd(within, userId, chatroomId, replaces);
    return endVersion(within, userId, chatroomId, replaces, content === null ? 'model' : 'user');
  }

  /** Stores what is asked for, in one statement; 'BUSY' where somebody else has the person or the room just now. */
  private async store(
    manager: EntityManager,
    asked: readonly Asked[],
  ): Promise<(StoredPrompt | Refusal | 'BUSY')[]> {
    const now = new Date();
    const charges = asked.map(({ request }) => request.charge);
    const dayEnds = charges.map(({ resetAt }) => resetAt.getTime());
    const rows = await manager.query<Accepted[]>(ACCEPT, [
      asked.map(({ userId }) => userId),
      asked.map(({ chatroomId }) => chatroomId),
      asked.map(promptIdOf),
      asked.map(({ request }) => request.content),
      asked.map(() => newId()),
      asked.map(({ request }) => request.claim?.key ?? null),
      asked.map(({ request }) => request.claim?.requestHash ?? null),
      charges.map(({ id }) => id),
      asked.map(({ replaced }) => replaced?.versionOf ?? null),
      charges.map(({ limit }) => limit),
      dayEnds.map((dayEnd) => firstIdAt(dayStart(dayEnd - 1))),
      dayEnds.map((dayEnd) => firstIdAt(dayEnd)),
      ...[now, this.env.USER_UNANSWERED_MAX, this.env.ROOM_UNANSWERED_MAX],
    ]);
    return Promise.all(
      rows.map(
        async ({ refusal, ...row }, n) => refusal ?? this.stored(manager, asked[n] as Asked, row, now),
      ),
    );
  }

  private async stored(manager: EntityManager, asked: Asked, row: Stored, now: Date): Promise<StoredPrompt> {
    const { userId, chatroomId, request, replaced } = asked;
    const { content, charge } = request;
    const { room_version: version, reply: replyId, tier } = row;
    const promptId = promptIdOf(asked);
    const versionOf = replaced?.versionOf ?? null;
    const both = { userId, chatroomId, version, createdAt: now };
    const replyVersionOf = content === null ? versionOf : null;
    const reply = replyAsAccepted({
      ...{ ...both, id: replyId, promptId, chargeId: charge.id, versionOf: replyVersionOf },
    });
    const prompt =
      content === null
        ? await manager.findOneByOrFail(Message, { userId, id: promptId })
        : promptAsAccepted({ ...both, id: promptId, versionOf, content, finishedAt: now });
    return { prompt, reply, tier };
  }
}

/** A new prompt is stored under the id of its charge. */
const promptIdOf = ({ request, replaced }: Asked): string =>
  request.content === null && replaced !== null ? replaced.promptId : request.charge.id;

/** Deleted since the request was let in: as if it had not been. */
async function lockPerson(manager: EntityManager, userId: string): Promise<void> {
  const person = await manager.query<unknown[]>(
    'SELECT FROM users WHERE id = $1 AND deleting_at IS NULL FOR NO KEY UPDATE',
    [userId],
  );
  if (person.length === 0) throw new AppError('UNAUTHENTICATED');
}

async function lockRoom(manager: EntityManager, userId: string, chatroomId: string): Promise<void> {
  await manager.query('SELECT FROM chatrooms WHERE user_id = $1 AND id = $2 FOR NO KEY UPDATE', [
    userId,
    chatroomId,
  ]);
}

/** What `accept_replies` says; see its migration. `reply` is its id, which may be later than the one that was offered. */
interface Stored {
  room_version: number;
  reply: string;
  tier: Tier;
}

interface Accepted extends Stored {
  refusal: Refusal | 'BUSY' | null;
}

const ACCEPT = `
  SELECT refusal, room_version, reply, tier
  FROM accept_replies($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`;
