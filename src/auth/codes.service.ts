import { Injectable } from '@nestjs/common';
import { AuthEvents } from '../audit/auth-events.js';
import type { AuthEventKind } from '../audit/auth-event.entity.js';
import { AppError, type ProblemCode } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import type { OtpPurpose } from '../common/otp-purpose.js';
import { OtpDelivery } from '../otp/otp-delivery.js';
import { OtpService } from '../otp/otp.service.js';
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
   * Uses a code up. Whether the number has an account is not looked at, so that the time it takes does not tell.
   *
   * @param prepare see OtpService.consume
   * @throws AppError as OtpService.consume does
   */
  async check<T>(
    purpose: OtpPurpose,
    mobile: string,
    code: string,
    client: Client,
    prepare: () => Promise<T>,
  ): Promise<T> {
    try {
      return await this.otps.consume(purpose, mobile, code, client.ip, prepare);
    } catch (error) {
      const kind = error instanceof AppError ? failureOf(error.code, purpose) : null;
      if (kind !== null) this.events.recordFailure({ mobile }, client, kind, 'code');
      throw error;
    }
  }
}

/** What a refusal says of the account; null for those that only say that somebody tries too much. */
function failureOf(code: ProblemCode, purpose: OtpPurpose): AuthEventKind | null {
  if (code === 'OTP_INVALID') return purpose === 'sign-in' ? 'sign_in_failed' : 'password_reset';
  return code === 'OTP_EXHAUSTED' || code === 'OTP_LOCKED' ? 'code_locked' : null;
}
