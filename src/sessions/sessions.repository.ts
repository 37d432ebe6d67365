import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, LessThan, MoreThan, Repository } from 'typeorm';
import { AuthEventsRepository } from '../audit/auth-events.repository.js';
import type { Client } from '../common/client.js';
import { Env } from '../config/env.js';
import { User } from '../users/user.entity.js';
import type { RefreshToken } from './refresh-token.js';
import { Session } from './session.entity.js';
import { SessionChange } from './session-change.js';

/** What became of a refresh token that was shown. */
export type Rotation =
  | { outcome: 'rotated'; token: RefreshToken; expiresAt: Date }
  | { outcome: 'invalid' }
  | { outcome: 'reused' };

/** Every query begins with the owner; expired ones are deleted by src/retention. Times are those of the database: one clock for all processes. */
@Injectable()
export class SessionsRepository {
  constructor(
    private readonly env: Env,
    @InjectRepository(Session) private readonly sessions: Repository<Session>,
    private readonly events: AuthEventsRepository,
  ) {}

  /** Ms until a session ends; 0 when it has, or never was. @param waitForEnd until nobody is about to end it */
  async findTimeLeft(userId: string, id: string, { waitForEnd = false } = {}): Promise<number> {
    const [found] = await this.sessions.query<{ ms: number }[]>(
      `SELECT (extract(epoch FROM expires_at - now()) * 1000)::float8 AS ms FROM sessions
        WHERE user_id = $1 AND id = $2 ${waitForEnd ? 'FOR KEY SHARE' : ''}`,
      [userId, id],
    );
    return Math.max(found?.ms ?? 0, 0);
  }

  /** Those that are live. */
  async count(userId: string): Promise<number> {
    const [row] = await this.sessions.query<[{ sessions: number }]>(
      'SELECT count(*)::int AS sessions FROM sessions WHERE user_id = $1 AND expires_at > now()',
      [userId],
    );
    return row.sessions;
  }

  /** The newest first. @param before the id that the page before ended with */
  list(userId: string, limit: number, before?: string): Promise<Session[]> {
    return this.sessions.find({
      where: {
        userId,
        expiresAt: MoreThan(new Date()),
        ...(before === undefined ? {} : { id: LessThan(before) }),
      },
      order: { id: 'DESC' },
      take: limit + 1,
    });
  }

  /**
   * Puts the next token in the place of the one that is shown. Who shows it again within the grace, or at the same moment
   * as a twin, gets the same next one: the first statement lets one of them through and the others wait for it.
   */
  async rotate(shown: RefreshToken, salt: Buffer, { ip, userAgent }: Client): Promise<Rotation> {
    const next = shown.next(salt);
    const [[rotated]] = await this.sessions.query<[{ expiresAt: Date }[], number]>(
      `UPDATE sessions
          SET previous_hash = token_hash, token_hash = $5, salt = $6, last_used_at = now(), ip = $7, user_agent = $8,
              expires_at = LEAST(created_at + make_interval(secs => $9), now() + make_interval(secs => $10))
        WHERE user_id = $1 AND id = $2 AND family_hash = $3 AND token_hash = $4 AND expires_at > now()
       RETURNING expires_at AS "expiresAt"`,
      [
        ...this.keyOf(shown),
        shown.hash,
        next.hash,
        salt,
        ip,
        userAgent,
        this.env.SESSION_TTL_SECONDS,
        this.env.SESSION_IDLE_SECONDS,
      ],
    );
    return rotated
      ? { outcome: 'rotated', token: next, expiresAt: rotated.expiresAt }
      : this.rotatedBefore(shown);
  }

  /** What a token is that is not the newest of its session. */
  private async rotatedBefore(shown: RefreshToken): Promise<Rotation> {
    const [row] = await this.sessions.query<
      { expiresAt: Date; salt: Buffer; isNewest: boolean; isRecent: boolean }[]
    >(
      `SELECT expires_at AS "expiresAt", salt, token_hash = $4 AS "isNewest",
              coalesce(previous_hash = $4 AND last_used_at + make_interval(secs => $5) > now(), false) AS "isRecent"
         FROM sessions
        WHERE user_id = $1 AND id = $2 AND family_hash = $3 AND expires_at > now()`,
      [...this.keyOf(shown), shown.hash, this.env.REFRESH_GRACE_SECONDS],
    );
    if (row === undefined || row.isNewest) return { outcome: 'invalid' };
    if (!row.isRecent) return { outcome: 'reused' };
    return { outcome: 'rotated', token: shown.next(row.salt), expiresAt: row.expiresAt };
  }

  /**
   * Carries a change of one person's sessions out, whole or not at all. Null when there is no such account, or it is being deleted.
   *
   * @param beforeCommit gets the sessions that end; what it throws undoes the change
   */
  change<T>(
    userId: string,
    client: Client,
    work: (change: SessionChange) => Promise<T>,
    beforeCommit: (ended: readonly string[]) => Promise<void>,
  ): Promise<T | null> {
    return this.sessions.manager.transaction(async (manager) => {
      // Waits for other changes of this person, and not for what refers to the account.
      const user = await manager.findOne(User, {
        where: { id: userId, deletingAt: IsNull() },
        lock: { mode: 'for_no_key_update' },
      });
      if (user === null) return null;
      const change = new SessionChange(user, manager, this.events, client);
      const result = await work(change);
      await beforeCommit(change.ended);
      return result;
    });
  }

  private keyOf(token: RefreshToken): [string, string, Buffer] {
    return [token.userId, token.sessionId, token.familyHash];
  }
}
