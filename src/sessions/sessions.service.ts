import { Injectable } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import { newId } from '../common/id.js';
import type { PageQuery } from '../common/page.request.js';
import { Cursors } from '../common/pagination.js';
import { Env } from '../config/env.js';
import { UsersService } from '../users/users.service.js';
import type { User } from '../users/user.entity.js';
import { AccessTokens } from './access-tokens.js';
import { ActiveSessionPageResponse } from './dto/active-session.response.js';
import { SessionResponse } from './dto/session.response.js';
import { LiveSessions } from './live-sessions.js';
import { RefreshToken } from './refresh-token.js';
import type { SessionChange } from './session-change.js';
import { SessionsRepository } from './sessions.repository.js';

/** Sessions: every way of signing in ends with one, and every way of signing out ends some. */
@Injectable()
export class SessionsService {
  constructor(
    private readonly env: Env,
    private readonly sessions: SessionsRepository,
    private readonly live: LiveSessions,
    private readonly tokens: AccessTokens,
    private readonly users: UsersService,
    private readonly cursors: Cursors,
  ) {}

  /**
   * Opens a session for a person who has just proven who they are.
   *
   * @param before what else is part of signing in, in the same transaction; what it throws undoes it all
   */
  async signIn(
    userId: string,
    client: Client,
    before: (change: SessionChange, sessionId: string) => Promise<void>,
  ): Promise<SessionResponse> {
    const token = RefreshToken.issue(userId, newId());
    const expiresAt = new Date(
      Date.now() + Math.min(this.env.SESSION_TTL_SECONDS, this.env.SESSION_IDLE_SECONDS) * 1000,
    );
    const user = await this.change(userId, client, async (change) => {
      await before(change, token.sessionId);
      await change.open(token, expiresAt, this.env.SESSIONS_PER_USER_MAX);
      return change.user;
    });
    return this.answer(user, token, expiresAt);
  }

  /** @throws AppError REFRESH_TOKEN_INVALID, REFRESH_TOKEN_REUSED */
  async refresh(refreshToken: string, client: Client): Promise<SessionResponse> {
    const shown = RefreshToken.parse(refreshToken);
    if (shown === null) throw new AppError('REFRESH_TOKEN_INVALID');
    const rotation = await this.sessions.rotate(shown, RefreshToken.salt(), client);
    if (rotation.outcome === 'invalid') throw new AppError('REFRESH_TOKEN_INVALID');
    if (rotation.outcome === 'reused') {
      await this.endReused(shown, client);
      throw new AppError('REFRESH_TOKEN_REUSED', {
        detail: 'Sign in again. If that was not you, somebody else may have had the token.',
      });
    }
    return this.answer(await this.users.load(shown.userId), rotation.token, rotation.expiresAt);
  }

  /** Signs this device out. Ending what has ended already is fine. */
  logout(userId: string, sessionId: string, client: Client): Promise<void> {
    return this.change(userId, client, async (change) => {
      const [ended] = await change.end([sessionId]);
      if (ended !== undefined) await change.record('logged_out', { sessionId });
    });
  }

  /** Signs every device out, this one too unless it is to be kept. */
  logoutAll(userId: string, sessionId: string, keepCurrent: boolean, client: Client): Promise<void> {
    return this.change(userId, client, async (change) => {
      await change.endAll(keepCurrent ? { except: sessionId } : {});
      await change.record('logged_out_all', { sessionId });
    });
  }

  /** @throws AppError SESSION_NOT_FOUND */
  remove(userId: string, sessionId: string, client: Client): Promise<void> {
    return this.change(userId, client, async (change) => {
      const [ended] = await change.end([sessionId]);
      if (ended === undefined) throw new AppError('SESSION_NOT_FOUND');
      await change.record('session_ended', { sessionId });
    });
  }

  async list(
    userId: string,
    currentId: string,
    { limit, cursor }: PageQuery,
  ): Promise<ActiveSessionPageResponse> {
    const list = `sessions:${userId}`;
    const [before] = cursor === undefined ? [] : this.cursors.decode(list, cursor);
    const rows = await this.sessions.list(userId, limit, before);
    const page = this.cursors.page(list, rows, limit, (session) => [session.id]);
    return ActiveSessionPageResponse.from(page, currentId);
  }

  /**
   * For whatever changes a person's sessions together with something else, all or nothing. Access tokens of sessions that
   * it ends are refused from its commit on.
   *
   * @throws AppError UNAUTHENTICATED when the account is gone
   */
  async change<T>(userId: string, client: Client, work: (change: SessionChange) => Promise<T>): Promise<T> {
    const result = await this.sessions.change(
      userId,
      client,
      async (change) => ({ of: await work(change) }),
      (ended) => this.live.forget(userId, ended),
    );
    if (result === null) throw new AppError('UNAUTHENTICATED');
    return result.of;
  }

  private endReused({ userId, sessionId }: RefreshToken, client: Client): Promise<void> {
    return this.change(userId, client, async (change) => {
      const [ended] = await change.end([sessionId]);
      if (ended !== undefined) await change.record('refresh_token_reused', { sessionId, outcome: 'failed' });
    });
  }

  /** The access token ends no later than its session does. */
  private async answer(user: User, token: RefreshToken, expiresAt: Date): Promise<SessionResponse> {
    const timeLeft = Math.max(Math.ceil((expiresAt.getTime() - Date.now()) / 1000), 1);
    const expiresIn = Math.min(this.env.JWT_TTL_SECONDS, timeLeft);
    const accessToken = await this.tokens.sign(user.id, token.sessionId, expiresIn);
    return SessionResponse.from({ accessToken, expiresIn, refreshToken: String(token), expiresAt }, user);
  }
}
