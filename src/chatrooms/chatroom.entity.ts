import {
  Column,
  CreateDateColumn,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  type Relation,
  UpdateDateColumn,
} from 'typeorm';
import { User } from '../users/user.entity.js';

/** A conversation. Owner-keyed: the key of a room, and every reference to it, begins with its owner. */
@Entity('chatrooms')
@Index('chatrooms_by_activity', ['userId', 'archived', 'pinned', 'lastActivityAt', 'id'])
export class Chatroom {
  @PrimaryColumn('uuid', { name: 'user_id', primaryKeyConstraintName: 'chatrooms_pkey' })
  userId!: string;

  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'chatrooms_pkey' })
  id!: string;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'chatrooms_user_fkey' })
  user?: Relation<User>;

  /** Null while nobody has given one: neither the person nor, where it may, the model. */
  @Column('text', { nullable: true })
  title!: string | null;

  /** Whether the model may give a title where there is none: until the person has changed or cleared the title. */
  @Column('boolean', { name: 'auto_title', default: true })
  autoTitle!: boolean;

  @Column('text', { name: 'system_instruction', nullable: true })
  systemInstruction!: string | null;

  /** Null: the model of the settings. */
  @Column('text', { nullable: true })
  model!: string | null;

  /** When the newest prompt was sent, or the room was made: the order of the list. */
  @Column({ type: 'timestamptz', name: 'last_activity_at', precision: 3 })
  lastActivityAt!: Date;

  /** Of the conversation: how often it was begun anew from some message on, plus one. See Message. */
  @Column('int', { default: 1 })
  version!: number;

  /** Stands above the others in the list. */
  @Column('boolean', { default: false })
  pinned!: boolean;

  /** Out of sight until asked for; works like any other room. */
  @Column('boolean', { default: false })
  archived!: boolean;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at', precision: 3 })
  updatedAt!: Date;
}
