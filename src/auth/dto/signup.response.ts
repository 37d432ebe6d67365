/** A sign-up that waits for its number to be verified. The same for a number that is known and one that is not. */
export class SignupResponse {
  /** @example '+14155552671' */
  mobile!: string;

  /** Until when the number can be verified, with send-otp and verify-otp, to complete this sign-up. */
  expiresAt!: Date;
}
