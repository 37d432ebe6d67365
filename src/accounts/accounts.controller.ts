import { Body, Controller, Delete, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiTags } from '@nestjs/swagger';
import { CODE_PROBLEMS, SEND_PROBLEMS } from '../auth/code-problems.js';
import { MobileRequest, VerifyOtpRequest } from '../auth/dto/auth.request.js';
import type { OtpSentResponse } from '../auth/dto/otp-sent.response.js';
import { ApiProblems } from '../common/api-problems.js';
import { type Client, CurrentClient } from '../common/client.js';
import { CurrentSessionId, CurrentUserId } from '../common/current-user.js';
import type { UserResponse } from '../users/dto/user.response.js';
import { AccountDeletionService } from './account-deletion.service.js';
import { NumberChangeService } from './number-change.service.js';
import { HeaderOtp, OTP_HEADER } from './otp-header.js';

@ApiTags('Users')
@ApiBearerAuth()
@Controller('v1/users/me')
export class AccountsController {
  constructor(
    private readonly numbers: NumberChangeService,
    private readonly deletions: AccountDeletionService,
  ) {}

  /**
   * Send a code to the number that you want to change to
   *
   * @remarks The answer does not tell whether the number has an account already. Only you can use the code.
   */
  @Post('mobile')
  @HttpCode(200)
  @ApiProblems(...SEND_PROBLEMS)
  changeMobile(
    @CurrentUserId() userId: string,
    @Body() dto: MobileRequest,
    @CurrentClient() client: Client,
  ): Promise<OtpSentResponse> {
    return this.numbers.send(userId, dto.mobile, client);
  }

  /**
   * Change your number with the code; ends all other sessions
   *
   * @remarks From then on you sign in with the new number, and whoever proves the old one begins a new account. Sent again
   * after it was done it is answered the same.
   */
  @Post('mobile/confirm')
  @HttpCode(200)
  @ApiProblems(...CODE_PROBLEMS, 'MOBILE_TAKEN')
  confirmMobile(
    @CurrentUserId() userId: string,
    @CurrentSessionId() sessionId: string,
    @Body() dto: VerifyOtpRequest,
    @CurrentClient() client: Client,
  ): Promise<UserResponse> {
    return this.numbers.confirm({ userId, sessionId }, dto.mobile, dto.otp, client);
  }

  /** Send a code to your own number that allows to delete your account */
  @Post('deletion')
  @HttpCode(200)
  @ApiProblems(...SEND_PROBLEMS)
  requestDeletion(
    @CurrentUserId() userId: string,
    @CurrentClient() client: Client,
  ): Promise<OtpSentResponse> {
    return this.deletions.send(userId, client);
  }

  /**
   * Delete your account and everything in it, for good
   *
   * @remarks Ends all sessions at once, and a subscription without a refund; replies that are being written are abandoned.
   * The number is free at once: whoever proves it begins a new account. What is stored is removed right after; where
   * that cannot be done now, it is done later.
   */
  @Delete()
  @HttpCode(204)
  @ApiHeader({
    name: OTP_HEADER,
    required: true,
    description: 'The six digits that POST /v1/users/me/deletion has sent.',
    schema: { type: 'string', pattern: '^[0-9]{6}$' },
    example: '123456',
  })
  @ApiProblems(...CODE_PROBLEMS)
  delete(
    @CurrentUserId() userId: string,
    @HeaderOtp() otp: string,
    @CurrentClient() client: Client,
  ): Promise<void> {
    return this.deletions.confirm(userId, otp, client);
  }
}
