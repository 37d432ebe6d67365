import { Injectable } from '@nestjs/common';
import { AuthEvents } from '../audit/auth-events.js';
import { AppError } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import type { SessionResponse } from '../sessions/dto/session.response.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { User } from '../users/user.entity.js';
import { UsersRepository } from '../users/users.repository.js';
import { AuthService } from './auth.service.js';
import { OtpSentResponse } from './dto/otp-sent.response.js';
import type { SignupResponse } from './dto/signup.response.js';
import { OtpDelivery } from './otp-delivery.js';
import { type OtpPurpose, OtpService } from './otp.service.js';
import { PendingSignups } from './pending-signups.js';

/**
 * Everything that rests on proving a mobile number by a code: signing up, signing in, resetting a password. Answers
 * the same for known and unknown numbers until the number is proven.
 */
@Injectable()
export class VerificationService {
  constructor(
    private readonly otps: OtpService,
    private readonly delivery: OtpDelivery,
    private readonly pending: PendingSignups,
    private readonly users: UsersRepository,
    private readonly auth: AuthService,
    private readonly sessions: SessionsService,
    private readonly events: AuthEvents,
  ) {}

  signup(mobile: string, password: string | null, client: Client): Promise<SignupResponse> {
    return this.pending.add(mobile, password, client.fingerprint);
  }

  async sendOtp(purpose: OtpPurpose, mobile: string): Promise<OtpSentResponse> {
    const otp = await this.otps.issue(purpose, mobile);
    return OtpSentResponse.from(otp, this.delivery.deliver(mobile, otp));
  }

  /** Signs in; a number that is new here is signed up. */
  async verifyOtp(mobile: string, code: string, client: Client): Promise<SessionResponse> {
    const known = await this.users.findByMobile(mobile);
    await this.consume('sign-in', mobile, code, known, client);
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
    await this.consume('reset-password', mobile, code, user, client);
    if (user === null) {
      throw new AppError('ACCOUNT_NOT_FOUND', {
        detail: 'Sign up with /v1/auth/send-otp and /v1/auth/verify-otp.',
      });
    }
    return this.auth.resetPassword(user.id, newPassword, client);
  }

  /** Uses a code up. A wrong one for a number that has an account is noted there. */
  private async consume(
    purpose: OtpPurpose,
    mobile: string,
    code: string,
    user: User | null,
    client: Client,
  ): Promise<void> {
    try {
      await this.otps.consume(purpose, mobile, code);
    } catch (error) {
      if (user !== null && error instanceof AppError) {
        const wrong = purpose === 'sign-in' ? 'sign_in_failed' : 'password_reset';
        const kind = error.code === 'OTP_INVALID' ? wrong : 'code_locked';
        this.events.recordFailure(user.id, client, kind, { method: 'code' });
      }
      throw error;
    }
  }
}
