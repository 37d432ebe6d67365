import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, LessThan, Repository } from 'typeorm';
import { Client } from '../common/client.js';
import { newId } from '../common/id.js';
import {
  AuthEvent,
  type AuthEventKind,
  type AuthMethod,
  type AuthOutcome,
  type NumberChange,
} from './auth-event.entity.js';

export interface AuthEventDetails {
  method?: AuthMethod;
  outcome?: AuthOutcome;
  sessionId?: string;
  numbers?: NumberChange;
}

/** An attempt that failed. */
export interface AuthFailure {
  id: string;
  client: Client;
  kind: AuthEventKind;
  method: AuthMethod;
  /** By `performance.now()`: it is written later, as of then. */
  at: number;
}

/** Every query begins with the owner. There is no update; old ones are deleted by src/retention. */
@Injectable()
export class AuthEventsRepository {
  constructor(@InjectRepository(AuthEvent) private readonly events: Repository<AuthEvent>) {}

  /** @param manager of the transaction that the event belongs to: both happen, or neither */
  async add(
    manager: EntityManager,
    userId: string,
    client: Client,
    kind: AuthEventKind,
    { method, outcome = 'succeeded', sessionId, numbers }: AuthEventDetails = {},
  ): Promise<void> {
    const { ip, userAgent } = client;
    await manager.insert(AuthEvent, {
      userId,
      id: newId(),
      kind,
      outcome,
      method: method ?? null,
      sessionId: sessionId ?? null,
      numbers: numbers ?? null,
      ip,
      userAgent,
    });
  }

  async addFailure(userId: string, { id, client, kind, method, at }: AuthFailure): Promise<void> {
    const { ip, userAgent } = client;
    const agoMs = Math.round(performance.now() - at);
    await this.events.insert({
      ...{ userId, id, kind, method, ip, userAgent, outcome: 'failed' },
      createdAt: () => `now() - interval '${agoMs} ms'`,
    });
  }

  /** The newest first. @param before the id that the page before ended with */
  list(userId: string, limit: number, before?: string): Promise<AuthEvent[]> {
    return this.events.find({
      where: { userId, ...(before === undefined ? {} : { id: LessThan(before) }) },
      order: { id: 'DESC' },
      take: limit + 1,
    });
  }
}
