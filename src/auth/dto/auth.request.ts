import { IsOptional, IsString, Length, MaxLength } from 'class-validator';
import { IsOtp } from '../../otp/is-otp.js';
import { IsMobile } from '../mobile.js';
import { IsUncommonPassword } from '../../passwords/common-passwords.js';
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from '../../passwords/passwords.js';

export class MobileRequest {
  /**
   * Mobile number with its country code; spaces and punctuation do not matter.
   * @example '+14155552671'
   */
  @IsMobile()
  mobile!: string;
}

export class SignupRequest extends MobileRequest {
  /**
   * Optional: with a password the person can also sign in without a code. Any characters, 8 to 128, but none of
   * the most used passwords and not the number itself; null or left out for none.
   * @example 'correct horse battery staple'
   */
  @IsOptional()
  @IsString()
  @Length(PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX)
  @IsUncommonPassword()
  password?: string | null;
}

export class VerifyOtpRequest extends MobileRequest {
  /**
   * The six digits that were sent; those of other scripts are understood.
   * @example '123456'
   */
  @IsOtp()
  otp!: string;
}

export class LoginRequest extends MobileRequest {
  /** @example 'correct horse battery staple' */
  @IsString()
  @MaxLength(PASSWORD_LENGTH_MAX)
  password!: string;
}

export class ResetPasswordRequest extends VerifyOtpRequest {
  /** @example 'a new passphrase of mine' */
  @IsString()
  @Length(PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX)
  @IsUncommonPassword()
  newPassword!: string;
}

export class ChangePasswordRequest {
  /**
   * Null or left out by who has no password yet.
   * @example 'correct horse battery staple'
   */
  @IsOptional()
  @IsString()
  @MaxLength(PASSWORD_LENGTH_MAX)
  currentPassword?: string | null;

  /** @example 'a new passphrase of mine' */
  @IsString()
  @Length(PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX)
  @IsUncommonPassword()
  newPassword!: string;
}
