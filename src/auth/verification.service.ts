import { Injectable } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import { Passwords } from '../passwords/passwords.js';
import type { SessionResponse } from '../sessions/dto/session.response.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { UsersRepository } from '../users/users.repository.js';
import { AuthService } from './auth.service.js';
import { CodesService } from './codes.service.js';
import type { SignupResponse } from './dto/signup.response.js';
import { PendingSignups } from './pending-signups.js';

/**
 * Everything that rests on proving a mobile number by a code: signing up, signing in, resetting a password. Answers
 * the same for known and unknown numbers until the number is proven.
 */
@Injectable()
export class VerificationService {
  constructor(
    private readonly codes: CodesService,
    private readonly pending: PendingSignups,
    private readonly users: UsersRepository,
    private readonly auth: AuthService,
    private readonly sessions: SessionsService,
    private readonly passwords: Passwords,
  ) {}

  signup(mobile: string, password: string | null, client: Client): Promise<SignupResponse> {
    return this.pending.add(mobile, password, client.fingerprint);
  }

  /** Signs in; a number that is new here is signed up. */
  async verifyOtp(mobile: string, code: string, client: Client): Promise<SessionResponse> {
    const known = await this.users.findByMobile(mobile);
    await this.codes.check('sign-in', mobile, code, known, client);
    const passwordHash = await this.pending.take(mobile, client.fingerprint);
    const { user, created } = known
      ? { user: known, created: false }
      : await this.users.getOrCreate(mobile, passwordHash);
    return this.sessions.signIn(user.id, client, async (change, sessionId) => {
      if (created) await change.record('signed_up');
      await change.record('signed_in', { method: 'code', sessionId });
    });
  }

  async resetPassword(
    mobile: string,
    code: string,
    newPassword: string,
    client: Client,
  ): Promise<SessionResponse> {
    const user = await this.users.findByMobile(mobile);
    // First, because it can be refused (PASSWORDS_BUSY): that must not use the code up.
    const passwordHash = await this.passwords.hash(newPassword);
    await this.codes.check('reset-password', mobile, code, user, client);
    if (user === null) {
      throw new AppError('ACCOUNT_NOT_FOUND', {
        detail: 'Sign up with /v1/auth/send-otp and /v1/auth/verify-otp.',
      });
    }
    return this.auth.resetPassword(user, passwordHash, client);
  }
}
