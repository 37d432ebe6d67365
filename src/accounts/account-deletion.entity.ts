import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * An account that is to be removed: the outbox of the worker that does it, written in the transaction that ends the
 * person's sessions, and gone with the last of the person's rows. It refers to no user, so that nothing takes it away
 * before its work is done, and holds nothing about the person but the id. No tombstone stays behind: ids are never used
 * twice, and the log says which accounts were removed (what to remove again after an old backup was put back).
 */
@Entity('account_deletions')
@Index('account_deletions_due', ['nextAttemptAt'])
export class AccountDeletion {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'account_deletions_pkey' })
  userId!: string;

  @CreateDateColumn({ type: 'timestamptz', name: 'requested_at', precision: 3 })
  requestedAt!: Date;

  /** What is being done, or could not be: `replies`, `stripe`, `rows`, `redis` or `account`. For operators. */
  @Column('text', { default: 'replies' })
  step!: string;

  /** Tries that failed. */
  @Column('int', { default: 0 })
  attempts!: number;

  /** Of the last try that failed: the code or name of its error, never its text. */
  @Column('text', { name: 'last_error', nullable: true })
  lastError!: string | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'next_attempt_at', precision: 3 })
  nextAttemptAt!: Date;
}
