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
 * A request that had its effect, under the `Idempotency-Key` that its sender gave it. Keys are a person's own: two
 * people may use the same one. Of the request only a hash is kept; a request that failed leaves nothing.
 */
@Entity('idempotency_keys')
@Index('idempotency_keys_by_age', ['createdAt'])
export class IdempotencyKey {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'idempotency_keys_pkey' })
  userId!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'idempotency_keys_pkey' })
  key!: string;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'idempotency_keys_user_fkey' })
  user?: Relation<User>;

  /** SHA-256 of method, route, parameters and body; see request-hash.ts. */
  @Column('bytea', { name: 'request_hash' })
  requestHash!: Buffer;

  /**
   * What the answer is made from again: the answer itself, or what the route's `Replayer` needs (ids, where the answer
   * holds what people wrote or a ticket that ends). Not jsonb: that would change the order of fields.
   */
  @Column('json')
  outcome!: unknown;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt!: Date;
}
