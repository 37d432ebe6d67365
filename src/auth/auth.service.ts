import { Injectable, Logger } from '@nestjs/common';
import { AuthEvents } from '../audit/auth-events.js';
import { AppError } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import { isOwnNumber, OWN_NUMBER_MESSAGE } from '../passwords/common-passwords.js';
import { PasswordGuesses } from '../passwords/password-guesses.js';
import { Passwords } from '../passwords/passwords.js';
import type { SessionResponse } from '../sessions/dto/session.response.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { User } from '../users/user.entity.js';
import { type Credentials, UsersRepository } from '../users/users.repository.js';

/** Signing in with a password, and changing it. */
@Injectable()
export class AuthService {
  private readonly logger = new Logger('Auth');

  constructor(
    private readonly users: UsersRepository,
    private readonly passwords: Passwords,
    private readonly guesses: PasswordGuesses,
    private readonly sessions: SessionsService,
    private readonly events: AuthEvents,
  ) {}

  /**
   * One answer, after the same time, for a wrong password, an account without one and an unknown number.
   *
   * @throws AppError INVALID_CREDENTIALS, PASSWORD_GUESSES_EXHAUSTED, PASSWORDS_BUSY
   */
  async login(mobile: string, password: string, client: Client): Promise<SessionResponse> {
    this.passwords.assertNotBusy();
    const user = await this.guesses.guarded(mobile, client.ip, async () => {
      const found = await this.users.findCredentials(mobile);
      if (await this.passwords.matches(found?.passwordHash ?? null, password)) return found;
      // Not by the account that was found: what is noted is the same work for a number that has none.
      this.events.recordFailure({ mobile }, client, 'sign_in_failed', 'password');
      return null;
    });
    if (user === null) throw new AppError('INVALID_CREDENTIALS');
    const session = await this.sessions.signIn(user.id, client, async (change, sessionId) => {
      const isSame = change.user.mobile === mobile && (await this.isStill(change.user, user, password));
      if (!isSame) throw new AppError('INVALID_CREDENTIALS');
      await change.record('signed_in', { method: 'password', sessionId });
    });
    void this.renewHash(user, password);
    return session;
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
    if (isOwnNumber(next, user.mobile)) {
      throw new AppError('VALIDATION_FAILED', {
        errors: [{ path: 'newPassword', message: `newPassword ${OWN_NUMBER_MESSAGE}` }],
      });
    }
    await this.assertKnows(user, current ?? '', client);
    const passwordHash = await this.passwords.hash(next);
    const session = await this.sessions.signIn(userId, client, async (change, newSessionId) => {
      if (!(await change.endAll()).includes(sessionId)) throw new AppError('UNAUTHENTICATED');
      if (!(await this.isStill(change.user, user, current ?? ''))) throw new AppError('WRONG_PASSWORD');
      await change.setPassword(passwordHash);
      await change.record('password_changed', { sessionId: newSessionId });
    });
    await this.forgetGuesses(user.mobile);
    return session;
  }

  /** For a person who has proven their number. Ends every session; the caller goes on with the one in the answer. */
  async resetPassword(user: User, passwordHash: string, client: Client): Promise<SessionResponse> {
    const session = await this.sessions.signIn(user.id, client, async (change, sessionId) => {
      // As in VerificationService.verifyOtp.
      if (change.user.mobile !== user.mobile) throw new AppError('OTP_INVALID');
      await change.endAll();
      await change.setPassword(passwordHash);
      await change.record('password_reset', { method: 'code', sessionId });
    });
    await this.forgetGuesses(user.mobile);
    return session;
  }

  /** The new password stands, so it never throws. */
  private async forgetGuesses(mobile: string): Promise<void> {
    await this.guesses.forget(mobile).catch((err: unknown) => {
      this.logger.warn({ err }, 'Wrong passwords before a new one still count');
    });
  }

  /** @throws AppError WRONG_PASSWORD */
  private async assertKnows(user: User, password: string, client: Client): Promise<void> {
    const { passwordHash } = user;
    if (passwordHash === null) return;
    const right = await this.guesses.guarded(user.mobile, null, async () =>
      (await this.passwords.matches(passwordHash, password)) ? user : null,
    );
    if (right !== null) return;
    this.events.recordFailure({ userId: user.id }, client, 'password_changed', 'password');
    throw new AppError('WRONG_PASSWORD');
  }

  /** Whether a password that opened an account opens it now: it may have been changed, or only its hash renewed. */
  private async isStill(now: Credentials, then: Credentials, password: string): Promise<boolean> {
    return now.passwordHash === then.passwordHash || this.passwords.matches(now.passwordHash, password);
  }

  /** Beside the answer, never instead of it: what fails now comes round again at the next login. */
  private async renewHash({ id, passwordHash }: Credentials, password: string): Promise<void> {
    if (passwordHash === null || !this.passwords.isOutdated(passwordHash)) return;
    try {
      await this.users.replacePasswordHash(id, passwordHash, await this.passwords.hash(password));
    } catch (err) {
      this.logger.warn({ err }, 'A password hash could not be renewed; the next login tries again');
    }
  }
}
