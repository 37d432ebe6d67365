import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../common/api-problems.js';
import { type Client, CurrentClient } from '../common/client.js';
import { CurrentSessionId, CurrentUserId } from '../common/current-user.js';
import { Public } from '../common/public.decorator.js';
import type { SessionResponse } from '../sessions/dto/session.response.js';
import { AuthService } from './auth.service.js';
import { CODE_PROBLEMS, SEND_PROBLEMS } from './code-problems.js';
import { CodesService } from './codes.service.js';
import {
  ChangePasswordRequest,
  LoginRequest,
  MobileRequest,
  ResetPasswordRequest,
  SignupRequest,
  VerifyOtpRequest,
} from './dto/auth.request.js';
import type { OtpSentResponse } from './dto/otp-sent.response.js';
import type { SignupResponse } from './dto/signup.response.js';
import { VerificationService } from './verification.service.js';

@ApiTags('Auth')
@Controller('v1/auth')
export class AuthController {
  constructor(
    private readonly auth: AuthService,
    private readonly verification: VerificationService,
    private readonly codes: CodesService,
  ) {}

  /**
   * Sign up with a mobile number, and a password if you like
   *
   * @remarks Nothing is an account until the number is verified: continue with send-otp and verify-otp from the same
   * client. The answer does not tell whether the number has an account already.
   */
  @Public()
  @Post('signup')
  @ApiProblems('PASSWORDS_BUSY')
  signup(@Body() dto: SignupRequest, @CurrentClient() client: Client): Promise<SignupResponse> {
    return this.verification.signup(dto.mobile, dto.password ?? null, client);
  }

  /** Send a one-time code to a number; it replaces an earlier one */
  @Public()
  @Post('send-otp')
  @HttpCode(200)
  @ApiProblems(...SEND_PROBLEMS)
  sendOtp(@Body() dto: MobileRequest, @CurrentClient() client: Client): Promise<OtpSentResponse> {
    return this.codes.send({ purpose: 'sign-in', mobile: dto.mobile }, client);
  }

  /** Sign in with the code; a number that is new here is signed up */
  @Public()
  @Post('verify-otp')
  @HttpCode(200)
  @ApiProblems(...CODE_PROBLEMS)
  verifyOtp(@Body() dto: VerifyOtpRequest, @CurrentClient() client: Client): Promise<SessionResponse> {
    return this.verification.verifyOtp(dto.mobile, dto.otp, client);
  }

  /**
   * Sign in with mobile number and password
   *
   * @remarks After too many wrong passwords for a number even the right one is refused for a while, which doubles with
   * each further one; after too many from an address, until some minutes later. Signing in with a code stays possible.
   */
  @Public()
  @Post('login')
  @HttpCode(200)
  @ApiProblems('INVALID_CREDENTIALS', 'PASSWORD_GUESSES_EXHAUSTED', 'PASSWORDS_BUSY')
  login(@Body() dto: LoginRequest, @CurrentClient() client: Client): Promise<SessionResponse> {
    return this.auth.login(dto.mobile, dto.password, client);
  }

  /** Send a code that allows to set a new password */
  @Public()
  @Post('forgot-password')
  @HttpCode(200)
  @ApiProblems(...SEND_PROBLEMS)
  forgotPassword(@Body() dto: MobileRequest, @CurrentClient() client: Client): Promise<OtpSentResponse> {
    return this.codes.send({ purpose: 'reset-password', mobile: dto.mobile }, client);
  }

  /** Set a new password with the code from forgot-password; ends all other sessions */
  @Public()
  @Post('reset-password')
  @HttpCode(200)
  @ApiProblems(...CODE_PROBLEMS, 'ACCOUNT_NOT_FOUND', 'PASSWORDS_BUSY')
  resetPassword(
    @Body() dto: ResetPasswordRequest,
    @CurrentClient() client: Client,
  ): Promise<SessionResponse> {
    return this.verification.resetPassword(dto.mobile, dto.otp, dto.newPassword, client);
  }

  /** Change your password, or set the first one; ends all other sessions */
  @ApiBearerAuth()
  @Post('change-password')
  @HttpCode(200)
  @ApiProblems('WRONG_PASSWORD', 'PASSWORD_GUESSES_EXHAUSTED', 'PASSWORDS_BUSY')
  changePassword(
    @CurrentUserId() userId: string,
    @CurrentSessionId() sessionId: string,
    @Body() dto: ChangePasswordRequest,
    @CurrentClient() client: Client,
  ): Promise<SessionResponse> {
    return this.auth.changePassword(
      { userId, sessionId },
      dto.currentPassword ?? null,
      dto.newPassword,
      client,
    );
  }
}
