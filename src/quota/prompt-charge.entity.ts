import { Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { User } from '../users/user.entity.js';

/**
 * One reply that counts against a day, which is the UTC day in the charge's own id: the id of the prompt, or one of its
 * own where the reply is regenerated. Written with the owed reply and deleted with its failure, each in one statement, so this table is right at any moment; the counter in
 * Redis is a copy that can be thrown away. It does not refer to the message, because deleting a room gives back only
 * what was not answered yet. Of a day that is over, nothing asks for it but its person's export.
 */
@Entity('prompt_charges')
@Index('prompt_charges_by_age', ['id'])
export class PromptCharge {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'prompt_charges_pkey' })
  userId!: string;

  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'prompt_charges_pkey' })
  id!: string;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'prompt_charges_user_fkey' })
  user?: Relation<User>;
}
