import type { ProblemCode } from '../common/app-error.js';

/** What asking for a code can end in. */
export const SEND_PROBLEMS = [
  'COUNTRY_NOT_ALLOWED',
  'OTP_RESEND_TOO_SOON',
  'OTP_SEND_LIMIT_REACHED',
  'OTP_LOCKED',
] as const satisfies ProblemCode[];

/** What bringing one can end in. */
export const CODE_PROBLEMS = [
  'OTP_INVALID',
  'OTP_EXHAUSTED',
  'OTP_GUESS_LIMIT_REACHED',
  'OTP_LOCKED',
] as const satisfies ProblemCode[];
