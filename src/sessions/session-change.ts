import { type EntityManager, In, QueryFailedError } from 'typeorm';
import type { AuthEventKind } from '../audit/auth-event.entity.js';
import type { AuthEventDetails, AuthEventsRepository } from '../audit/auth-events.repository.js';
import { AppError } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import { User } from '../users/user.entity.js';
import type { RefreshToken } from './refresh-token.js';
import { Session } from './session.entity.js';

/**
 * One person's sessions while they change, in one transaction that holds the account's row: changes of one person come
 * one after the other, and what happened is recorded if and only if it happened.
 */
export class SessionChange {
  /** Sessions that this change ended. */
  readonly ended: string[] = [];

  constructor(
    /** As it is right now, and stays until this change is done. */
    readonly user: User,
    private readonly manager: EntityManager,
    private readonly events: AuthEventsRepository,
    private readonly client: Client,
  ) {}

  /** @returns which of them were there to end */
  async end(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const result = await this.manager
      .createQueryBuilder()
      .delete()
      .from(Session)
      .where({ userId: this.user.id, id: In([...ids]) })
      .returning('id')
      .execute();
    const ended = (result.raw as { id: string }[]).map(({ id }) => id);
    this.ended.push(...ended);
    return ended;
  }

  /** @returns those that ended */
  async endAll({ except }: { except?: string } = {}): Promise<string[]> {
    const all = await this.idsByUse();
    return this.end(all.filter((id) => id !== except));
  }

  async setPassword(passwordHash: string): Promise<void> {
    const { id } = this.user;
    await this.manager.update(User, { id }, { passwordHash });
    Object.assign(this.user, await this.manager.findOneByOrFail(User, { id }));
  }

  /** @throws AppError MOBILE_TAKEN: the whole change is undone then */
  async setMobile(mobile: string): Promise<void> {
    const { id } = this.user;
    try {
      await this.manager.update(User, { id }, { mobile });
    } catch (error) {
      throw isTaken(error) ? new AppError('MOBILE_TAKEN', { cause: error }) : error;
    }
    Object.assign(this.user, await this.manager.findOneByOrFail(User, { id }));
  }

  /** Whether a session is there still. */
  isOpen(sessionId: string): Promise<boolean> {
    return this.manager.existsBy(Session, { userId: this.user.id, id: sessionId });
  }

  /** What else is part of the change, in its transaction. */
  with<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return work(this.manager);
  }

  record(kind: AuthEventKind, details: AuthEventDetails = {}): Promise<void> {
    return this.events.add(this.manager, this.user.id, this.client, kind, details);
  }

  /** Opens a session; where that makes more than `max`, those unused the longest end. */
  async open(token: RefreshToken, expiresAt: Date, max: number): Promise<void> {
    const { ip, userAgent } = this.client;
    const earlier = await this.idsByUse();
    for (const sessionId of await this.end(earlier.slice(max - 1))) {
      await this.record('session_ended', { sessionId });
    }
    await this.manager.insert(Session, {
      userId: this.user.id,
      id: token.sessionId,
      familyHash: token.familyHash,
      tokenHash: token.hash,
      ip,
      userAgent,
      expiresAt,
    });
  }

  /** Last used first. */
  private async idsByUse(): Promise<string[]> {
    const rows = await this.manager.find(Session, {
      select: { id: true },
      where: { userId: this.user.id },
      order: { lastUsedAt: 'DESC', id: 'DESC' },
    });
    return rows.map(({ id }) => id);
  }
}

const UNIQUE_VIOLATION = '23505';
/** Two people who are taking each other's number: neither gets it. */
const DEADLOCK = '40P01';

function isTaken(error: unknown): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  const { code, constraint } = error.driverError as { code?: string; constraint?: string };
  return code === DEADLOCK || (code === UNIQUE_VIOLATION && constraint === 'users_mobile_key');
}
