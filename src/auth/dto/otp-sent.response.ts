import type { IssuedOtp } from '../../otp/otp.service.js';

export class OtpSentResponse {
  /** Until when the code is good. */
  expiresAt!: Date;

  /** From when on another code can be asked for. */
  resendAt!: Date;

  /**
   * The code itself, only where OTP_DELIVERY is `response` (development).
   * @example '123456'
   */
  otp?: string;

  static from(otp: IssuedOtp, shownCode: string | undefined): OtpSentResponse {
    return {
      expiresAt: otp.expiresAt,
      resendAt: otp.resendAt,
      ...(shownCode === undefined ? {} : { otp: shownCode }),
    };
  }
}
