import { Injectable, Logger } from '@nestjs/common';
import { PendingSignups } from '../auth/pending-signups.js';
import { OtpService } from '../otp/otp.service.js';
import { PasswordGuesses } from '../passwords/password-guesses.js';

/** What is left to do in Redis once nobody's account has a number any more. */
@Injectable()
export class GivenUpNumber {
  private readonly logger = new Logger('Accounts');

  constructor(
    private readonly otps: OtpService,
    private readonly guesses: PasswordGuesses,
    private readonly signups: PendingSignups,
  ) {}

  /**
   * Forgets the codes that were sent to it, its wrong passwords and a sign-up that waits for it, so that whoever has it
   * next begins anew. Never throws: all of it ends by itself, and none of it leads to the account that had the number.
   */
  async forget(mobile: string, userId: string): Promise<void> {
    try {
      await Promise.all([
        this.otps.withdraw([
          { purpose: 'sign-in', mobile },
          { purpose: 'reset-password', mobile },
          { purpose: 'delete-account', mobile, boundTo: userId },
        ]),
        this.guesses.forget(mobile),
        this.signups.end(mobile),
      ]);
    } catch (err) {
      this.logger.warn({ err, userId }, 'Not all of a number that was given up could be forgotten at once');
    }
  }
}
