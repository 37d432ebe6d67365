import { Injectable } from '@nestjs/common';
import { type EntityTarget, type FindOptionsWhere, MoreThan } from 'typeorm';
import { AuthEvent } from '../audit/auth-event.entity.js';
import { Subscription } from '../billing/subscription.entity.js';
import { Chatroom } from '../chatrooms/chatroom.entity.js';
import { ReadReplica } from '../database/read-replica.js';
import { Message } from '../messages/message.entity.js';
import { PromptCharge } from '../quota/prompt-charge.entity.js';
import { Session } from '../sessions/session.entity.js';

/**
 * Rows in memory at once. Few, as a message may be some 10 kB long; and not one cursor for all of them, as that would
 * hold a database connection for as long as the client takes to read.
 */
const BATCH = 100;

/** All that is a person's, in batches along the primary key. */
@Injectable()
export class ExportRepository {
  constructor(private readonly replica: ReadReplica) {}

  findSubscription(userId: string): Promise<Subscription | null> {
    return this.replica.read((manager) => manager.findOneBy(Subscription, { userId }));
  }

  sessions(userId: string): AsyncGenerator<Session[]> {
    return this.batches(
      Session,
      (id) => ({ userId, id, expiresAt: MoreThan(new Date()) }),
      { id: 'ASC' },
      (session) => session.id,
    );
  }

  authEvents(userId: string): AsyncGenerator<AuthEvent[]> {
    return this.batches(
      AuthEvent,
      (id) => ({ userId, id }),
      { id: 'ASC' },
      (event) => event.id,
    );
  }

  chatrooms(userId: string): AsyncGenerator<Chatroom[]> {
    return this.batches(
      Chatroom,
      (id) => ({ userId, id }),
      { id: 'ASC' },
      (room) => room.id,
    );
  }

  messages(userId: string): AsyncGenerator<Message[]> {
    return this.batches(
      Message,
      (id) => ({ userId, id }),
      { id: 'ASC' },
      (message) => message.id,
    );
  }

  charges(userId: string): AsyncGenerator<PromptCharge[]> {
    return this.batches(
      PromptCharge,
      (id) => ({ userId, id }),
      { id: 'ASC' },
      (charge) => charge.id,
    );
  }

  private async *batches<T extends object>(
    entity: EntityTarget<T>,
    where: (id: ReturnType<typeof MoreThan<string>>) => FindOptionsWhere<T>,
    order: object,
    idOf: (row: T) => string,
  ): AsyncGenerator<T[]> {
    let after = '00000000-0000-0000-0000-000000000000';
    for (;;) {
      const query = { where: where(MoreThan(after)), order, take: BATCH };
      const rows = await this.replica.read((manager) => manager.find(entity, query));
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < BATCH) return;
      after = idOf(last);
    }
  }
}
