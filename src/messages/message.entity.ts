import {
  Check,
  Column,
  CreateDateColumn,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  type Relation,
} from 'typeorm';
import { Chatroom } from '../chatrooms/chatroom.entity.js';

export type MessageRole = 'user' | 'model';

export const MESSAGE_STATUSES = [
  'pending',
  'streaming',
  'completed',
  'failed',
  'cancelled',
  'blocked',
] as const;
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** States in which a reply is still owed. */
export const UNFINISHED: readonly MessageStatus[] = ['pending', 'streaming'];

export const isFinal = (message: Pick<Message, 'status'>): boolean => !UNFINISHED.includes(message.status);

/** Whether a final reply was worth its prompt: it was answered, or cancelled after it had begun. */
export const isCharged = (reply: Pick<Message, 'status' | 'content'>): boolean =>
  reply.status === 'completed' || (reply.status === 'cancelled' && reply.content !== '');

/**
 * A turn of a conversation: a prompt (role `user`, always `completed`) or the reply to it (role `model`). Ids are
 * UUIDv7 and a reply's follows its prompt's, so the order of ids is the order of the conversation.
 *
 * The reply is written together with its prompt, as `pending`: that row is the outbox of the queue. Whatever is lost
 * later, it says that somebody is still waiting for an answer.
 *
 * **Versions.** Regenerating a reply and editing a prompt begin the next version of the room's conversation: from there on
 * it is written anew, and what was there goes out of sight but stays. A message says in which version it was written and
 * which was the last that it belongs to, as a row of Postgres' own says by which transactions it came and went. So
 * version n of a conversation is `version <= n AND (last_version IS NULL OR last_version >= n)`: exact, in one range of an
 * index, at any length. The order of ids holds in every version, because what is written anew comes last. (A page from the end of an earlier version
 * passes what was written later.) The obvious
 * alternative, a tree of parents with a pointer to the leaf that is shown, would need a walk through the whole
 * conversation for a page of it, and for the context of every reply.
 */
@Entity('messages')
@Index('messages_by_room', ['userId', 'chatroomId', 'id'])
@Index('messages_unfinished', ['userId', 'chatroomId', 'id'], { where: `status IN ('pending', 'streaming')` })
@Index('messages_answered', ['userId', 'chatroomId', 'id'], {
  where: `role = 'model' AND status IN ('completed', 'cancelled') AND content <> '' AND last_version IS NULL`,
})
@Index('messages_failed', ['id'], { where: `status = 'failed' AND last_version IS NULL` })
@Index('messages_by_word', ['search'], { type: 'gin' })
@Index('messages_current', ['userId', 'chatroomId', 'id'], { where: 'last_version IS NULL' })
@Index('messages_versions', ['userId', 'versionOf', 'id'], { where: 'version_of IS NOT NULL' })
@Index('messages_one_reply_per_prompt', ['userId', 'promptId'], {
  unique: true,
  where: 'prompt_id IS NOT NULL AND last_version IS NULL',
})
@Check('messages_role_check', `role IN ('user', 'model')`)
@Check(
  'messages_status_check',
  `status IN ('pending', 'streaming', 'completed', 'failed', 'cancelled', 'blocked')`,
)
@Check(
  'messages_reply_check',
  `(role = 'model') = (prompt_id IS NOT NULL) AND (role = 'model') = (charge_id IS NOT NULL)`,
)
export class Message {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'messages_pkey' })
  userId!: string;

  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'messages_pkey' })
  id!: string;

  @Column('uuid', { name: 'chatroom_id' })
  chatroomId!: string;

  @ManyToOne(() => Chatroom, { onDelete: 'CASCADE' })
  @JoinColumn([
    { name: 'user_id', referencedColumnName: 'userId', foreignKeyConstraintName: 'messages_chatroom_fkey' },
    { name: 'chatroom_id', referencedColumnName: 'id', foreignKeyConstraintName: 'messages_chatroom_fkey' },
  ])
  chatroom?: Relation<Chatroom>;

  @Column('text')
  role!: MessageRole;

  @Column('text')
  content!: string;

  @Column('text')
  status!: MessageStatus;

  /** Replies: the prompt that this answers. */
  @Column('uuid', { name: 'prompt_id', nullable: true })
  promptId!: string | null;

  /**
   * Replies: the entry of `prompt_charges` that pays for this. The prompt's own id for the first reply to it; a
   * regenerated reply is a charge of its own.
   */
  @Column('uuid', { name: 'charge_id', nullable: true })
  chargeId!: string | null;

  /** The version of the room's conversation that this was written in. */
  @Column('int', { default: 1 })
  version!: number;

  /** The last version that this belongs to; null: it is part of the conversation as it is now. */
  @Column('int', { name: 'last_version', nullable: true })
  lastVersion!: number | null;

  /** The first version of this message; null for what was never edited or regenerated, and for that first version. */
  @Column('uuid', { name: 'version_of', nullable: true })
  versionOf!: string | null;

  /** Replies that have no answer: why, as a code of `reply-error.ts`. */
  @Column('text', { name: 'error_code', nullable: true })
  errorCode!: string | null;

  /** As Gemini named it: STOP, MAX_TOKENS, SAFETY, … */
  @Column('text', { name: 'finish_reason', nullable: true })
  finishReason!: string | null;

  /** The model version that answered; where none did, the model that was asked. */
  @Column('text', { nullable: true })
  model!: string | null;

  @Column('int', { name: 'prompt_tokens', nullable: true })
  promptTokens!: number | null;

  @Column('int', { name: 'output_tokens', nullable: true })
  outputTokens!: number | null;

  /** Answered turns before the prompt that were not sent to the model: the context had no room for them. */
  @Column('int', { name: 'turns_left_out', nullable: true })
  turnsLeftOut!: number | null;

  /** Of the call that answered, until its first text. */
  @Column('int', { name: 'first_token_ms', nullable: true })
  firstTokenMs!: number | null;

  /** Of the call that answered, until its end. */
  @Column('int', { name: 'total_ms', nullable: true })
  totalMs!: number | null;

  /** How often a worker has taken this reply on; also the fencing token: only the newest attempt may write. */
  @Column('int', { default: 0 })
  attempt!: number;

  /** Attempts that failed at the model. */
  @Column('int', { default: 0 })
  failures!: number;

  /** Attempts that were put back in order; the others were cut short by a crash or a lost database. */
  @Column('int', { default: 0 })
  returns!: number;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt!: Date;

  /** When the message got its final status. */
  @Column({ type: 'timestamptz', name: 'finished_at', precision: 3, nullable: true })
  finishedAt!: Date | null;

  /**
   * The words of the text, and the owner as one more word, which begins with a space as no word of a text does. So the
   * one index that finds words finds a person's words: `search @@ (owner && query)` reads what both have in common.
   *
   * Measured with 1,000,000 messages, 50,000 of them this person's (PostgreSQL 18, EXPLAIN ANALYZE with ranking): 0.3 to
   * 30 ms for a word in 2 to 4,500 of theirs, the same as GIN (user_id, search) with the extension btree_gin, which
   * managed Postgres may lack. Index on the words alone: 6 to 64 ms, and it grows with everybody else's messages. No index, only
   * the person's rows: 230 to 310 ms for every word. A word in 43,000 of their 50,000 takes 300 ms in all of them: it
   * is the reading and ranking of those rows.
   *
   * `simple`: people write in all languages, so words are not reduced to stems. `<` and `>` count as spaces, or the
   * parser would leave out what looks like markup, which is what people discuss. Only the beginning of a very long
   * text is searched, as a tsvector holds 1 MB and a reply must never fail to be stored.
   */
  @Column({
    type: 'tsvector',
    generatedType: 'STORED',
    asExpression: `array_to_tsvector(ARRAY[' ' || user_id::text]) || to_tsvector('simple', translate(left(content, 50000), '<>', '  '))`,
    nullable: true,
    select: false,
    insert: false,
    update: false,
  })
  search?: string;
}

/** What a reply says of the model while none was asked. */
export const UNASKED = {
  finishReason: null,
  model: null,
  promptTokens: null,
  outputTokens: null,
  turnsLeftOut: null,
  firstTokenMs: null,
  totalMs: null,
} satisfies Partial<Message>;
