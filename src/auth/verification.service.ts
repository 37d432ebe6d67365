import { Injectable } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import { UsersRepository } from '../users/users.repository.js';
import { AuthService } from './auth.service.js';
import { OtpSentResponse } from './dto/otp-sent.response.js';
import type { SessionResponse } from './dto/session.response.js';
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
  ) {}

  signup(mobile: string, password: string | null, client: string): Promise<SignupResponse> {
    return this.pending.add(mobile, password, client);
  }

  async sendOtp(purpose: OtpPurpose, mobile: string): Promise<OtpSentResponse> {
    const otp = await this.otps.issue(purpose, mobile);
    return OtpSentResponse.from(otp, this.delivery.deliver(mobile, otp));
  }

  /** Signs in; a number that is new here is signed up. */
  async verifyOtp(mobile: string, code: string, client: string): Promise<SessionResponse> {
    const known = await this.users.findByMobile(mobile);
    await this.otps.consume('sign-in', mobile, code);
    const passwordHash = await this.pending.take(mobile, client);
    return this.auth.openSession(known ?? (await this.users.getOrCreate(mobile, passwordHash)));
  }

  async resetPassword(mobile: string, code: string, newPassword: string): Promise<SessionResponse> {
    const user = await this.users.findByMobile(mobile);
    await this.otps.consume('reset-password', mobile, code);
    if (user === null) {
      throw new AppError('ACCOUNT_NOT_FOUND', {
        detail: 'Sign up with /v1/auth/send-otp and /v1/auth/verify-otp.',
      });
    }
    return this.auth.setPassword(user.id, newPassword);
  }
}
