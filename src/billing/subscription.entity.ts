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

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at', precision: 3 })
  updatedAt!: Date;
}
