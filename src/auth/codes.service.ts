import { Injectable } from '@nestjs/common';
import { AuthEvents } from '../audit/auth-events.js';
import type { AuthEventKind } from '../audit/auth-event.entity.js';
import { AppError, type ProblemCode } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import type { OtpPurpose, OtpUse } from '../common/otp-purpose.js';
import { OtpDelivery } from '../otp/otp-delivery.js';
import { OtpService } from '../otp/otp.service.js';
import { OtpSentResponse } from './dto/otp-sent.response.js';

/** Where nothing has to be there before a code is used up; see CodesService.check. */
export const unprepared = (): Promise<void> => Promise.resolve();

/** What a wrong code is noted as. */
const FAILED: Record<OtpPurpose, AuthEventKind> = {
  'sign-in': 'sign_in_failed',
  'reset-password': 'password_reset',
  'change-number': 'number_changed',
  'delete-account': 'deletion_failed',
};

/** One-time codes as every way of using them needs them: sent, and checked with a note to whom they concern. */
@Injectable()
export class CodesService {
  constructor(
    private readonly otps: OtpService,
    private readonly delivery: OtpDelivery,
    private readonly events: AuthEvents,
  ) {}

  async send(use: OtpUse, client: Client): Promise<OtpSentResponse> {
    const otp = await this.otps.issue(use, client.ip);
    return OtpSentResponse.from(otp, await this.delivery.deliver(otp));
  }

  /**
   * Uses a code up. Whether the number has an account is not looked at, so that the time it takes does not tell.
   *
   * @param prepare see OtpService.consume
   * @throws AppError as OtpService.consume does
   */
  async check<T>(use: OtpUse, code: string, client: Client, prepare: () => Promise<T>): Promise<T> {
    try {
      return await this.otps.consume(use, code, client.ip, prepare);
    } catch (error) {
      const kind = error instanceof AppError ? failureOf(error.code, use.purpose) : null;
      const whom = use.boundTo === undefined ? { mobile: use.mobile } : { userId: use.boundTo };
      if (kind !== null) this.events.recordFailure(whom, client, kind, 'code');
      throw error;
    }
  }
}

/** What a refusal says of the account; null for those that only say that somebody tries too much. */
function failureOf(code: ProblemCode, purpose: OtpPurpose): AuthEventKind | null {
  if (code === 'OTP_INVALID') return FAILED[purpose];
  return code === 'OTP_EXHAUSTED' || code === 'OTP_LOCKED' ? 'code_locked' : null;
}
