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
 * A second live subscription of a person. Stored before it is cancelled and given back, so that neither is forgotten
 * when the process dies in between; kept as the record of it.
 */
@Entity('duplicate_subscriptions')
@Index('duplicate_subscriptions_unsettled', ['userId', 'id'], { where: 'settled_at IS NULL' })
export class DuplicateSubscription {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'duplicate_subscriptions_pkey' })
  userId!: string;

  /** sub_… */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'duplicate_subscriptions_pkey' })
  id!: string;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'duplicate_subscriptions_user_fkey' })
  user?: Relation<User>;

  /** The one that stayed. */
  @Column('text', { name: 'kept_id' })
  keptId!: string;

  /** When it was begun: the newest one is settled first. */
  @Column({ type: 'timestamptz', name: 'subscribed_at', precision: 3 })
  subscribedAt!: Date;

  @CreateDateColumn({ type: 'timestamptz', name: 'found_at', precision: 3 })
  foundAt!: Date;

  /** When it was cancelled and given back. */
  @Column({ type: 'timestamptz', name: 'settled_at', precision: 3, nullable: true })
  settledAt!: Date | null;

  /** Given back, minor units of `currency`. */
  @Column('int', { name: 'refunded_amount', nullable: true })
  refundedAmount!: number | null;

  @Column('text', { nullable: true })
  currency!: string | null;

  /** False where Stripe would not give back all of it: somebody has to look at it. */
  @Column('boolean', { name: 'refund_complete', nullable: true })
  refundComplete!: boolean | null;
}
