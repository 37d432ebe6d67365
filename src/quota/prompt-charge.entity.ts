import { Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { User } from '../users/user.entity.js';

/**
 * One prompt that counts against its day, which is the UTC day in the prompt's own id. Written with the prompt and
 * deleted with the failure of its reply, each in one statement, so this table is right at any moment; the counter in
 * Redis is a copy that can be thrown away. It does not refer to the message, because deleting a room gives back only
 * what was not answered yet.
 */
@Entity('prompt_charges')
export class PromptCharge {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'prompt_charges_pkey' })
  userId!: string;

  @PrimaryColumn('uuid', { name: 'prompt_id', primaryKeyConstraintName: 'prompt_charges_pkey' })
  promptId!: string;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'prompt_charges_user_fkey' })
  user?: Relation<User>;
}
