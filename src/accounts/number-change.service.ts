import { Injectable } from '@nestjs/common';
import { CodesService, unprepared } from '../auth/codes.service.js';
import type { OtpSentResponse } from '../auth/dto/otp-sent.response.js';
import { AppError } from '../common/app-error.js';
import type { Client } from '../common/client.js';
import type { OtpUse } from '../common/otp-purpose.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { UserResponse } from '../users/dto/user.response.js';
import { UsersService } from '../users/users.service.js';
import { GivenUpNumber } from './given-up-number.js';
import { maskMobile } from '../common/mask-mobile.js';

/** Moving an account to another number. Nothing is told about that number before it is proven. */
@Injectable()
export class NumberChangeService {
  constructor(
    private readonly users: UsersService,
    private readonly codes: CodesService,
    private readonly sessions: SessionsService,
    private readonly givenUp: GivenUpNumber,
  ) {}

  send(userId: string, mobile: string, client: Client): Promise<OtpSentResponse> {
    return this.codes.send(useOf(userId, mobile), client);
  }

  /**
   * Ends every other session. A number that is the account's already stays, with or without a good code: who did not get
   * the first answer can ask again.
   *
   * @throws AppError MOBILE_TAKEN, once the number is proven
   */
  async confirm(
    { userId, sessionId }: { userId: string; sessionId: string },
    mobile: string,
    code: string,
    client: Client,
  ): Promise<UserResponse> {
    const user = await this.users.load(userId);
    if (user.mobile === mobile) return UserResponse.from(user);
    await this.codes.check(useOf(userId, mobile), code, client, unprepared);
    const [before, after] = await this.sessions.change(userId, client, async (change) => {
      if (!(await change.isOpen(sessionId))) throw new AppError('UNAUTHENTICATED');
      const old = change.user.mobile;
      await change.setMobile(mobile);
      await change.endAll({ except: sessionId });
      const numbers = { before: maskMobile(old), after: maskMobile(mobile) };
      await change.record('number_changed', { method: 'code', sessionId, numbers });
      return [old, change.user];
    });
    if (before !== mobile) await this.givenUp.forget(before, userId);
    return UserResponse.from(after);
  }
}

const useOf = (userId: string, mobile: string): OtpUse => ({
  purpose: 'change-number',
  mobile,
  boundTo: userId,
});
