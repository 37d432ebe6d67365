import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { Batcher } from '../common/batcher.js';
import { Env } from '../config/env.js';
import type { ReplyJob } from '../queue/queues.js';
import { Message, type MessageStatus } from './message.entity.js';
import type { ReplyErrorCode } from './reply-error.js';

/** A reply that this worker has taken on. Only the holder of the newest attempt may write to it. */
export interface ClaimedReply {
  userId: string;
  chatroomId: string;
  replyId: string;
  promptId: string;
  chargeId: string;
  attempt: number;
  /** Earlier attempts that failed at the model. */
  failures: number;
  /** Earlier attempts that ended without a word: their worker died, or lost the database. */
  interruptions: number;
  /** What it is generated from. */
  context: ReplyContext;
  /** The room has no title, and the model may give it one. */
  awaitsTitle: boolean;
}

export interface Turn {
  prompt: string;
  reply: string;
}

export interface ReplyContext {
  prompt: string;
  systemInstruction: string | null;
  model: string | null;
  /** The newest answered turns before the prompt that fit, oldest first. */
  history: Turn[];
  /** How many more answered turns the conversation has. */
  turnsLeftOut: number;
}

/** `turns`: all that are answered; `history`: the newest of them, as `characters` allows. */
interface ClaimedRow {
  reply_id: string;
  chatroom_id: string;
  prompt_id: string;
  charge_id: string;
  attempt: number;
  failures: number;
  returns: number;
  prompt: string;
  system_instruction: string | null;
  model: string | null;
  awaits_title: boolean;
  turns: number;
  history: Turn[] | null;
}

/** How a reply ended. */
export interface ReplyOutcome {
  status: Extract<MessageStatus, 'completed' | 'failed' | 'blocked'>;
  content: string;
  errorCode: ReplyErrorCode | null;
  finishReason: string | null;
  model: string | null;
  promptTokens: number | null;
  outputTokens: number | null;
  turnsLeftOut: number | null;
  firstTokenMs: number | null;
  totalMs: number | null;
}

/** What is to be done once a reply is final. */
export interface FinishedReply {
  /** The next reply that is owed in the room, where it only waits for its turn. */
  nextWaiting: string | null;
}

interface Ending {
  reply: ClaimedReply;
  outcome: ReplyOutcome;
}

/** Characters a token has at least, on average, in the languages that matter; the budget is an estimate on the safe side. */
const CHARACTERS_PER_TOKEN = 3;

/** Replies in one statement. */
const BATCH_MAX = 50;

/** The longest history that is looked at, in turns. */
const HISTORY_TURNS_MAX = 200;

/** The longest conversation whose turns are counted: no reply may wait for its whole history. */
const COUNTED_TURNS_MAX = 10_000;

/** What the worker does to replies. */
@Injectable()
export class RepliesRepository {
  private readonly claims = new Batcher((jobs: readonly ReplyJob[]) => this.claimAll(jobs), {
    most: BATCH_MAX,
    atOnce: 2,
    keyOf: ({ replyId }) => replyId,
  });
  private readonly endings = new Batcher(
    (endings: readonly Ending[]) => this.finishAll(this.messages.manager, endings),
    { most: BATCH_MAX, keyOf: ({ reply }) => reply.replyId },
  );

  constructor(
    private readonly env: Env,
    @InjectRepository(Message) private readonly messages: Repository<Message>,
  ) {}

  findReply(userId: string, replyId: string): Promise<Message | null> {
    return this.messages.findOneBy({ userId, id: replyId });
  }

  /**
   * Takes the reply on and makes every earlier attempt void. Null when it is final or gone, when somebody has its row just
   * now, and when an earlier reply of the room is still owed: a conversation is answered in order.
   *
   * With it come the prompt, the room's settings, and the newest answered turns that fit, whole, into the budget beside
   * prompt and instruction: of all replies before this one, also where their prompts were sent at the same moment, but
   * for earlier versions. Texts are read for the newest turns only. All are counted, up to a bound, in the index
   * `messages_answered` alone: 11 ms for 100,000 of them in one room (PostgreSQL 18, EXPLAIN ANALYZE, vacuumed; 100 ms
   * without that index).
   */
  claim(job: ReplyJob): Promise<ClaimedReply | null> {
    return this.claims.run(job);
  }

  /**
   * Gives the reply its final state and, where there is no answer, takes the charge back: all or nothing, and only for
   * the newest attempt. Null when that was not this one.
   */
  async finish(reply: ClaimedReply, outcome: ReplyOutcome): Promise<FinishedReply | null> {
    const ending = { reply, outcome };
    const finished = await this.endings.run(ending);
    if (finished !== 'BUSY') return finished;
    return this.messages.manager.transaction(async (within) => {
      await within.query('SELECT FROM messages WHERE user_id = $1 AND id = $2 FOR NO KEY UPDATE', [
        reply.userId,
        reply.replyId,
      ]);
      const [result] = await this.finishAll(within, [ending]);
      if (result === undefined || result === 'BUSY') throw new Error('What is locked here was not free');
      return result;
    });
  }

  /** Puts the reply back for another attempt; `failed` counts against how often the model is tried. */
  async release(reply: ClaimedReply, failed: boolean): Promise<void> {
    const { userId, replyId, attempt } = reply;
    await this.messages.update(
      { userId, id: replyId, attempt, status: 'streaming' },
      {
        status: 'pending',
        returns: () => 'returns + 1',
        ...(failed ? { failures: () => 'failures + 1' } : {}),
      },
    );
  }

  /** The next reply that is owed in a room, where it only waits for its turn. */
  async findNextWaiting(userId: string, chatroomId: string): Promise<string | null> {
    const [row] = await this.messages.query<{ id: string; attempt: number }[]>(
      `SELECT id, attempt FROM messages WHERE user_id = $1 AND chatroom_id = $2 AND status IN ('pending', 'streaming')
       ORDER BY id LIMIT 1`,
      [userId, chatroomId],
    );
    // One that was tried has its own time to be tried again.
    return row?.attempt === 0 ? row.id : null;
  }

  /** The first turn of a room that was answered, each side cut to `characters`. Null while there is none. */
  async findFirstExchange(userId: string, chatroomId: string, characters: number): Promise<Turn | null> {
    const [turn] = await this.messages.query<Turn[]>(
      `SELECT left(prompt.content, $3) AS prompt, left(reply.content, $3) AS reply
       FROM messages reply JOIN messages prompt ON prompt.user_id = reply.user_id AND prompt.id = reply.prompt_id
       WHERE reply.user_id = $1 AND reply.chatroom_id = $2
         AND reply.last_version IS NULL AND reply.status IN ('completed', 'cancelled') AND reply.content <> ''
       ORDER BY reply.id LIMIT 1`,
      [userId, chatroomId, characters],
    );
    return turn ?? null;
  }

  private async claimAll(jobs: readonly ReplyJob[]): Promise<(ClaimedReply | null)[]> {
    const rows = await this.messages.query<ClaimedRow[]>('SELECT * FROM claim_replies($1, $2, $3, $4, $5)', [
      jobs.map(({ userId }) => userId),
      jobs.map(({ replyId }) => replyId),
      this.env.CONTEXT_TOKEN_BUDGET * CHARACTERS_PER_TOKEN,
      HISTORY_TURNS_MAX,
      COUNTED_TURNS_MAX,
    ]);
    const claimed = new Map(rows.map((row) => [row.reply_id, row]));
    return jobs.map(({ userId, replyId }) => {
      const row = claimed.get(replyId);
      return row === undefined ? null : claimedReply(userId, row);
    });
  }

  private async finishAll(
    manager: EntityManager,
    endings: readonly Ending[],
  ): Promise<(FinishedReply | null | 'BUSY')[]> {
    const rows = await manager.query<{ finished: boolean | null; next_waiting: string | null }[]>(
      'SELECT * FROM finish_replies($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)',
      [
        endings.map(({ reply }) => reply.userId),
        endings.map(({ reply }) => reply.replyId),
        endings.map(({ reply }) => reply.attempt),
        endings.map(({ outcome }) => outcome.status),
        endings.map(({ outcome }) => outcome.content),
        endings.map(({ outcome }) => outcome.errorCode),
        endings.map(({ outcome }) => outcome.finishReason),
        endings.map(({ outcome }) => outcome.model),
        endings.map(({ outcome }) => outcome.promptTokens),
        endings.map(({ outcome }) => outcome.outputTokens),
        endings.map(({ outcome }) => outcome.turnsLeftOut),
        endings.map(({ outcome }) => outcome.firstTokenMs),
        endings.map(({ outcome }) => outcome.totalMs),
      ],
    );
    return rows.map(({ finished, next_waiting }) => {
      if (finished === null) return 'BUSY';
      return finished ? { nextWaiting: next_waiting } : null;
    });
  }
}

function claimedReply(userId: string, row: ClaimedRow): ClaimedReply {
  const history = row.history ?? [];
  return {
    ...{ userId, replyId: row.reply_id, chatroomId: row.chatroom_id },
    ...{ promptId: row.prompt_id, chargeId: row.charge_id },
    ...{ attempt: row.attempt, failures: row.failures, interruptions: row.attempt - 1 - row.returns },
    context: {
      ...{ prompt: row.prompt, systemInstruction: row.system_instruction, model: row.model, history },
      turnsLeftOut: row.turns - history.length,
    },
    awaitsTitle: row.awaits_title,
  };
}
