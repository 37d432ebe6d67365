import { Check, Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * `pending`: to be acted on. `processed`: Stripe was asked anew. `ignored`: it concerns no customer of ours, or no
 * subscription. `failed`: tried as often as allowed; `npm run admin -- replay-webhooks` makes it pending again.
 */
export type StripeEventStatus = 'pending' | 'processed' | 'ignored' | 'failed';

/**
 * A webhook event, stored once by Stripe's own id before it is answered. The payload is not kept: deliveries come late
 * and out of order, so an event only says whose state to fetch anew.
 */
@Entity('stripe_events')
@Index('stripe_events_by_status', ['status', 'receivedAt', 'id'], {
  where: `status IN ('pending', 'failed')`,
})
@Index('stripe_events_done', ['receivedAt'], { where: `status IN ('processed', 'ignored')` })
@Index('stripe_events_of_customer', ['customerId'], { where: `status = 'pending'` })
@Check('stripe_events_status_check', `status IN ('pending', 'processed', 'ignored', 'failed')`)
export class StripeEvent {
  /** evt_… */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'stripe_events_pkey' })
  id!: string;

  /** customer.subscription.updated, … */
  @Column('text')
  type!: string;

  /** cus_…; null for events that concern no customer. */
  @Column('text', { name: 'customer_id', nullable: true })
  customerId!: string | null;

  @Column('text', { default: 'pending' })
  status!: StripeEventStatus;

  /** Begun so far, the one that is going on included. */
  @Column('int', { default: 0 })
  attempts!: number;

  /** What kind of error ended the last attempt: names and codes, never its words, which may hold anything. */
  @Column('text', { name: 'last_error', nullable: true })
  lastError!: string | null;

  /** When Stripe made it; null for events from before this was kept. */
  @Column({ type: 'timestamptz', name: 'created_at', precision: 3, nullable: true })
  createdAt!: Date | null;

  /** When it came, or was replayed. */
  @CreateDateColumn({ type: 'timestamptz', name: 'received_at', precision: 3 })
  receivedAt!: Date;

  @Column({ type: 'timestamptz', name: 'processed_at', precision: 3, nullable: true })
  processedAt!: Date | null;
}
