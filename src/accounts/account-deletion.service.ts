import { Injectable, Logger } from '@nestjs/common';
import { CodesService, unprepared } from '../auth/codes.service.js';
import type { OtpSentResponse } from '../auth/dto/otp-sent.response.js';
import { AppError } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import type { OtpUse } from '../common/otp-purpose.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { UsersService } from '../users/users.service.js';
import { AccountDeletionsRepository } from './account-deletions.repository.js';
import { DeletionStart } from './deletion-start.js';
import { GivenUpNumber } from './given-up-number.js';

/** Deleting one's account, as the person sees it; AccountRemoval does the rest. */
@Injectable()
export class AccountDeletionService {
  private readonly logger = new Logger('AccountDeletion');

  constructor(
    private readonly users: UsersService,
    private readonly codes: CodesService,
    private readonly sessions: SessionsService,
    private readonly deletions: AccountDeletionsRepository,
    private readonly givenUp: GivenUpNumber,
    private readonly start: DeletionStart,
  ) {}

  /** A code to the person's own number. */
  async send(userId: string, client: Client): Promise<OtpSentResponse> {
    const { mobile } = await this.users.load(userId);
    return this.codes.send(useOf(userId, mobile), client);
  }

  /**
   * One transaction after which nobody is signed in to the account, nobody can be, and its number is free; and from which
   * on the rest is owed. What follows it here is for speed.
   */
  async confirm(userId: string, code: string, client: Client): Promise<void> {
    const user = await this.users.load(userId);
    const { mobile } = user;
    await this.codes.check(useOf(userId, mobile), code, client, unprepared);
    await this.sessions.change(userId, client, async (change) => {
      // Changed since the code was checked: it was not this number that was proven.
      if (change.user.mobile !== mobile) throw new AppError('OTP_INVALID');
      await change.endAll();
      await change.with((manager) => this.deletions.begin(manager, userId));
    });
    this.logger.log({ userId }, 'An account is being deleted');
    await Promise.all([this.givenUp.forget(mobile, userId), this.start.run(userId)]);
  }
}

const useOf = (userId: string, mobile: string): OtpUse => ({
  purpose: 'delete-account',
  mobile,
  boundTo: userId,
});
