import { Check, Column, CreateDateColumn, Entity, PrimaryColumn, Unique, UpdateDateColumn } from 'typeorm';

export type Tier = 'basic' | 'pro';

/** A person, known by a mobile number that was verified. */
@Entity('users')
@Unique('users_mobile_key', ['mobile'])
@Check('users_tier_check', `tier IN ('basic', 'pro')`)
export class User {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'users_pkey' })
  id!: string;

  /** E.164; while the account is being deleted a word in its place, which no number can be: the number is free again. */
  @Column('text')
  mobile!: string;

  @Column('text', { name: 'display_name', nullable: true })
  displayName!: string | null;

  /** argon2id, PHC string; null for who signs in with codes only. */
  @Column('text', { name: 'password_hash', nullable: true })
  passwordHash!: string | null;

  /** Written by the Stripe sync alone, in the transaction that writes the subscription. */
  @Column('text', { default: 'basic' })
  tier!: Tier;

  /** Until when `tier` holds without further word from Stripe; null: until there is word. */
  @Column({ type: 'timestamptz', name: 'tier_until', precision: 3, nullable: true })
  tierUntil!: Date | null;

  /** Since when the account is being deleted: nobody signs in, writes or pays with it any more. */
  @Column({ type: 'timestamptz', name: 'deleting_at', precision: 3, nullable: true })
  deletingAt!: Date | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at', precision: 3 })
  updatedAt!: Date;
}

/** The tier that a person has at a moment: an entitlement that ran out counts for nothing. */
export function tierAt(user: Pick<User, 'tier' | 'tierUntil'>, now: Date): Tier {
  return user.tierUntil !== null && user.tierUntil <= now ? 'basic' : user.tier;
}
