import { Injectable } from '@nestjs/common';
import { AuthEvents } from '../audit/auth-events.js';
import { AppError } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import type { OtpPurpose } from '../common/otp-purpose.js';
import { OtpDelivery } from '../otp/otp-delivery.js';
import { OtpService } from '../otp/otp.service.js';
import type { User } from '../users/user.entity.js';
import { OtpSentResponse } from './dto/otp-sent.response.js';

/** One-time codes as every way of using them needs them: sent, and checked with a note to whom they concern. */
@Injectable()
export class CodesService {
  constructor(
    private readonly otps: OtpService,
    private readonly delivery: OtpDelivery,
    private readonly events: AuthEvents,
  ) {}

  async send(purpose: OtpPurpose, mobile: string, client: Client): Promise<OtpSentResponse> {
    const otp = await this.otps.issue(purpose, mobile, client.ip);
    return OtpSentResponse.from(otp, await this.delivery.deliver(otp));
  }

  /**
   * Uses a code up.
   *
   * @param user the account that a wrong code is noted at; null where there is none
   * @throws AppError as OtpService.consume does
   */
  async check(
    purpose: OtpPurpose,
    mobile: string,
    code: string,
    user: User | null,
    client: Client,
  ): Promise<void> {
    try {
      await this.otps.consume(purpose, mobile, code, client.ip);
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
