import {
  Column,
  CreateDateColumn,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  type Relation,
} from 'typeorm';
import { User } from '../users/user.entity.js';

/** What can happen to an account's way in. No constraint in the database: another kind needs no migration. */
export type AuthEventKind =
  | 'signed_up'
  | 'signed_in'
  | 'sign_in_failed'
  | 'code_locked'
  | 'refresh_token_reused'
  | 'logged_out'
  | 'logged_out_all'
  | 'session_ended'
  | 'password_changed'
  | 'password_reset'
  | 'number_changed'
  | 'deletion_failed';

/** A change of number, both masked: what the person recognises, and nobody else can call. */
export interface NumberChange {
  before: string;
  after: string;
}

export type AuthMethod = 'code' | 'password';
export type AuthOutcome = 'succeeded' | 'failed';

/**
 * One thing that happened to a person's way in. Written once and never changed; deleted when it is past its time, or with
 * the account. Holds no secret, and nothing that a secret could be guessed from.
 */
@Entity('auth_events')
@Index('auth_events_by_age', ['createdAt'])
export class AuthEvent {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'auth_events_pkey' })
  userId!: string;

  /** UUIDv7: the newest is the highest. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'auth_events_pkey' })
  id!: string;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'auth_events_user_fkey' })
  user?: Relation<User>;

  @Column('text')
  kind!: AuthEventKind;

  @Column('text')
  outcome!: AuthOutcome;

  /** How the person proved, or failed to prove, who they are. */
  @Column('text', { nullable: true })
  method!: AuthMethod | null;

  /** The session that began, ended or was used; it may be gone. */
  @Column('uuid', { name: 'session_id', nullable: true })
  sessionId!: string | null;

  /** Of `number_changed` alone. */
  @Column('jsonb', { nullable: true })
  numbers!: NumberChange | null;

  @Column('text')
  ip!: string;

  @Column('text', { name: 'user_agent', nullable: true })
  userAgent!: string | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt!: Date;
}
