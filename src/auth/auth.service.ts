import { Injectable } from '@nestjs/common';
import { AuthEvents } from '../audit/auth-events.js';
import { AppError } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import type { SessionResponse } from '../sessions/dto/session.response.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { UsersRepository } from '../users/users.repository.js';
import { Passwords } from './passwords.js';

/** Signing in with a password, and changing it. */
@Injectable()
export class AuthService {
  constructor(
    private readonly users: UsersRepository,
    private readonly passwords: Passwords,
    private readonly sessions: SessionsService,
    private readonly events: AuthEvents,
  ) {}

  /** One answer, after the same time, for a wrong password, an account without one and an unknown number. */
  async login(mobile: string, password: string, client: Client): Promise<SessionResponse> {
    const user = await this.users.findByMobile(mobile);
    const matches = await this.passwords.matches(user?.passwordHash ?? null, password);
    if (user === null || !matches) {
      if (user) this.events.recordFailure(user.id, client, 'sign_in_failed', { method: 'password' });
      throw new AppError('INVALID_CREDENTIALS');
    }
    return this.sessions.signIn(user.id, client, async (change, sessionId) => {
      // Changed while it was compared: the old password opens nothing any more.
      if (change.user.passwordHash !== user.passwordHash) throw new AppError('INVALID_CREDENTIALS');
      await change.record('signed_in', { method: 'password', sessionId });
    });
  }

  /**
   * Who has no password yet sets the first one without a current one. Ends every session; the caller goes on with the one
   * in the answer. Of several changes at the same moment one is made: to the others their session has ended.
   */
  async changePassword(
    { userId, sessionId }: { userId: string; sessionId: string },
    current: string | null,
    next: string,
    client: Client,
  ): Promise<SessionResponse> {
    const user = await this.users.findById(userId);
    if (user === null) throw new AppError('UNAUTHENTICATED');
    if (user.passwordHash !== null && !(await this.passwords.matches(user.passwordHash, current ?? ''))) {
      this.events.recordFailure(userId, client, 'password_changed', { method: 'password' });
      throw new AppError('WRONG_PASSWORD');
    }
    const passwordHash = await this.passwords.hash(next);
    return this.sessions.signIn(userId, client, async (change, newSessionId) => {
      if (!(await change.endAll()).includes(sessionId)) throw new AppError('UNAUTHENTICATED');
      if (change.user.passwordHash !== user.passwordHash) throw new AppError('WRONG_PASSWORD');
      await change.setPassword(passwordHash);
      await change.record('password_changed', { sessionId: newSessionId });
    });
  }

  /** For a person who has proven their number. Ends every session; the caller goes on with the one in the answer. */
  async resetPassword(userId: string, next: string, client: Client): Promise<SessionResponse> {
    const passwordHash = await this.passwords.hash(next);
    return this.sessions.signIn(userId, client, async (change, sessionId) => {
      await change.endAll();
      await change.setPassword(passwordHash);
      await change.record('password_reset', { method: 'code', sessionId });
    });
  }
}
