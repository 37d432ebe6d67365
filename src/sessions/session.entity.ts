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

/**
 * A device that is signed in. The row is there exactly as long as the session is: ending it deletes the row, and what
 * happened stays in auth_events. Of refresh tokens only hashes are stored; see refresh-token.ts.
 */
@Entity('sessions')
@Index('sessions_by_end', ['expiresAt'])
export class Session {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'sessions_pkey' })
  userId!: string;

  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'sessions_pkey' })
  id!: string;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'sessions_user_fkey' })
  user?: Relation<User>;

  /** Of the part that all refresh tokens of this session have in common. */
  @Column('bytea', { name: 'family_hash' })
  familyHash!: Buffer;

  /** Of the refresh token that is good now. */
  @Column('bytea', { name: 'token_hash' })
  tokenHash!: Buffer;

  /** Of the one before it; null until the first refresh. */
  @Column('bytea', { name: 'previous_hash', nullable: true })
  previousHash!: Buffer | null;

  /** With this and the previous token the one that is good now can be made again; with this alone it cannot. */
  @Column('bytea', { nullable: true })
  salt!: Buffer | null;

  /** Where it was last refreshed from. */
  @Column('text')
  ip!: string;

  @Column('text', { name: 'user_agent', nullable: true })
  userAgent!: string | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt!: Date;

  /** When it was last refreshed. Access tokens in between write nothing. */
  @CreateDateColumn({ type: 'timestamptz', name: 'last_used_at', precision: 3 })
  lastUsedAt!: Date;

  /** When it ends unless it is refreshed before; never later than its longest lifetime. */
  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3 })
  expiresAt!: Date;
}
