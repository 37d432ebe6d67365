import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * A webhook event, stored once by Stripe's own id before it is answered. The payload is not kept: deliveries come late
 * and out of order, so an event only says whose state to fetch anew.
 */
@Entity('stripe_events')
@Index('stripe_events_unprocessed', ['receivedAt'], { where: 'processed_at IS NULL' })
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

  @CreateDateColumn({ type: 'timestamptz', name: 'received_at', precision: 3 })
  receivedAt!: Date;

  @Column({ type: 'timestamptz', name: 'processed_at', precision: 3, nullable: true })
  processedAt!: Date | null;
}
