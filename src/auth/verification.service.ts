import { Injectable, Logger } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import { Passwords } from '../passwords/passwords.js';
import type { SessionResponse } from '../sessions/dto/session.response.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { User } from '../users/user.entity.js';
import { UsersRepository } from '../users/users.repository.js';
import { AuthService } from './auth.service.js';
import { CodesService, unprepared } from './codes.service.js';
import type { SignupResponse } from './dto/signup.response.js';
import { PendingSignups } from './pending-signups.js';

/**
 * Everything that rests on proving a mobile number by a code: signing up, signing in, resetting a password. Answers
 * the same for known and unknown numbers until the number is proven.
 */
@Injectable()
export class VerificationService {
  private readonly logger = new Logger('Verification');

  constructor(
    private readonly codes: CodesService,
    private readonly pending: PendingSignups,
    private readonly users: UsersRepository,
    private readonly auth: AuthService,
    private readonly sessions: SessionsService,
    private readonly passwords: Passwords,
  ) {}

  signup(mobile: string, password: string | null, client: Client): Promise<SignupResponse> {
    return this.pending.add(mobile, password, client);
  }

  /** Signs in; a number that is new here is signed up. */
  async verifyOtp(mobile: string, code: string, client: Client): Promise<SessionResponse> {
    // A code that is used up in an outage would be lost.
    await this.users.assertReachable();
    await this.codes.check({ purpose: 'sign-in', mobile }, code, client, unprepared);
    const { user, created } = await this.getOrCreate(mobile, client);
    const session = await this.sessions.signIn(user.id, client, async (change, sessionId) => {
      // The number passed on to somebody else, or the account was deleted, since it was looked up.
      if (change.user.mobile !== mobile) throw new AppError('OTP_INVALID');
      if (created) await change.record('signed_up');
      await change.record('signed_in', { method: 'code', sessionId });
    });
    await this.endSignup(mobile);
    return session;
  }

  async resetPassword(
    mobile: string,
    code: string,
    newPassword: string,
    client: Client,
  ): Promise<SessionResponse> {
    await this.users.assertReachable();
    const passwordHash = await this.codes.check({ purpose: 'reset-password', mobile }, code, client, () =>
      this.passwords.hash(newPassword),
    );
    const user = await this.users.findByMobile(mobile);
    if (user === null) {
      throw new AppError('ACCOUNT_NOT_FOUND', {
        detail: 'Sign up with /v1/auth/send-otp and /v1/auth/verify-otp.',
      });
    }
    return this.auth.resetPassword(user, passwordHash, client);
  }

  private async getOrCreate(mobile: string, client: Client): Promise<{ user: User; created: boolean }> {
    const known = await this.users.findByMobile(mobile);
    if (known !== null) return { user: known, created: false };
    return this.users.getOrCreate(mobile, await this.pending.findPasswordHash(mobile, client));
  }

  /** Only now, so that it is there for another try where the account could not be stored. Never throws. */
  private async endSignup(mobile: string): Promise<void> {
    await this.pending.end(mobile).catch((err: unknown) => {
      this.logger.warn({ err }, 'A sign-up that became an account could not be ended');
    });
  }
}
