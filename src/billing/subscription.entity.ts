import {
  Column,
  CreateDateColumn,
  Entity,
  JoinColumn,
  OneToOne,
  PrimaryColumn,
  type Relation,
  Unique,
  UpdateDateColumn,
} from 'typeorm';
import { User } from '../users/user.entity.js';

/** A person's Stripe customer, and the state of their subscription as Stripe last told it. One row a person. */
@Entity('subscriptions')
@Unique('subscriptions_customer_key', ['stripeCustomerId'])
export class Subscription {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'subscriptions_pkey' })
  userId!: string;

  @OneToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'subscriptions_user_fkey' })
  user?: Relation<User>;

  @Column('text', { name: 'stripe_customer_id' })
  stripeCustomerId!: string;

  /** Null until there was a subscription; so is everything below. */
  @Column('text', { name: 'stripe_subscription_id', nullable: true })
  stripeSubscriptionId!: string | null;

  /** Stripe's word: active, past_due, canceled, … */
  @Column('text', { nullable: true })
  status!: string | null;

  @Column('text', { name: 'price_id', nullable: true })
  priceId!: string | null;

  /** month, year, … */
  @Column('text', { name: 'price_interval', nullable: true })
  interval!: string | null;

  /** Minor units of `currency`. */
  @Column('int', { nullable: true })
  amount!: number | null;

  /** ISO 4217, lower case, as Stripe has it. */
  @Column('text', { nullable: true })
  currency!: string | null;

  @Column({ type: 'timestamptz', name: 'current_period_end', precision: 3, nullable: true })
  currentPeriodEnd!: Date | null;

  @Column('boolean', { name: 'cancel_at_period_end', default: false })
  cancelAtPeriodEnd!: boolean;

  @Column({ type: 'timestamptz', name: 'trial_end', precision: 3, nullable: true })
  trialEnd!: Date | null;

  /** Since when it is past due; kept while it is. */
  @Column({ type: 'timestamptz', name: 'past_due_since', precision: 3, nullable: true })
  pastDueSince!: Date | null;

  /** When the person subscribed for the first time, whatever became of it: a trial is given once. */
  @Column({ type: 'timestamptz', name: 'first_subscribed_at', precision: 3, nullable: true })
  firstSubscribedAt!: Date | null;

  /** When Stripe was last asked: what happened before that moment is in this row. */
  @Column({ type: 'timestamptz', name: 'synced_at', precision: 3, nullable: true })
  syncedAt!: Date | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at', precision: 3 })
  updatedAt!: Date;
}
