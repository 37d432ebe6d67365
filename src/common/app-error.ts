/**
 * Every error that the API answers on purpose: its stable code, HTTP status and title. Clients branch on `code`;
 * the title and detail are for people and may change.
 */
export const PROBLEMS = {
  VALIDATION_FAILED: [400, 'The request is not valid'],
  MALFORMED_REQUEST: [400, 'The request cannot be read'],
  INVALID_TEXT: [400, 'The request holds text that cannot be stored'],
  INVALID_CURSOR: [400, 'The cursor is not valid'],
  OTP_INVALID: [400, 'The code is wrong, expired or already used'],
  OTP_EXHAUSTED: [400, 'Too many wrong guesses; ask for a new code'],
  WEBHOOK_SIGNATURE_INVALID: [400, 'The webhook signature is not valid'],
  UNAUTHENTICATED: [401, 'Sign in first'],
  INVALID_CREDENTIALS: [401, 'The mobile number or password is wrong'],
  REFRESH_TOKEN_INVALID: [401, 'The refresh token is not valid any more; sign in again'],
  REFRESH_TOKEN_REUSED: [401, 'The refresh token was used before; its session has been ended, sign in again'],
  WRONG_PASSWORD: [403, 'The current password is wrong'],
  COUNTRY_NOT_ALLOWED: [403, 'Codes are not sent to numbers of this country'],
  NOT_FOUND: [404, 'There is nothing here'],
  ACCOUNT_NOT_FOUND: [404, 'No account uses this number'],
  SESSION_NOT_FOUND: [404, 'There is no such session'],
  CHATROOM_NOT_FOUND: [404, 'There is no such chatroom'],
  MESSAGE_NOT_FOUND: [404, 'There is no such message'],
  BILLING_ACCOUNT_NOT_FOUND: [404, 'You have not begun to subscribe yet'],
  SUBSCRIPTION_NOT_FOUND: [404, 'You have no subscription'],
  CHECKOUT_NOT_FOUND: [404, 'There is no such checkout'],
  REQUEST_TIMEOUT: [408, 'The request did not arrive in time'],
  NOT_A_PROMPT: [409, 'This message is not a prompt'],
  NOT_A_REPLY: [409, 'This message is not a reply'],
  MESSAGE_SUPERSEDED: [409, 'This message belongs to an earlier version of the conversation'],
  REPLY_UNFINISHED: [409, 'A reply is still being written'],
  ROOM_UNANSWERED_LIMIT_REACHED: [409, 'Too many prompts of this room wait for a reply'],
  USER_UNANSWERED_LIMIT_REACHED: [409, 'Too many of your prompts wait for a reply'],
  IDEMPOTENT_REQUEST_RUNNING: [409, 'A request with this Idempotency-Key is being carried out'],
  MOBILE_TAKEN: [409, 'This number has an account already'],
  ALREADY_PRO: [409, 'You are Pro already'],
  PAYMENT_DUE: [409, 'A payment of your subscription is due'],
  SUBSCRIPTION_ENDED: [409, 'Your subscription has ended'],
  PAYLOAD_TOO_LARGE: [413, 'The body is too large'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'Send JSON'],
  IDEMPOTENCY_KEY_REUSED: [422, 'The Idempotency-Key was used for another request'],
  DAILY_PROMPT_LIMIT_REACHED: [429, 'The daily prompt limit is reached'],
  OTP_RESEND_TOO_SOON: [429, 'A code was sent a moment ago'],
  OTP_SEND_LIMIT_REACHED: [429, 'Too many codes were asked for'],
  OTP_GUESS_LIMIT_REACHED: [429, 'Too many codes were tried'],
  OTP_LOCKED: [429, 'Codes for this number are locked after too many wrong ones'],
  PASSWORD_GUESSES_EXHAUSTED: [429, 'Too many wrong passwords'],
  TOO_MANY_REQUESTS: [429, 'Too many requests'],
  HEADERS_TOO_LARGE: [431, 'The headers are too large'],
  INTERNAL_ERROR: [500, 'Something went wrong on our side'],
  PAYMENT_PROVIDER_UNAVAILABLE: [502, 'The payment provider cannot be reached'],
  PASSWORDS_BUSY: [503, 'Too many people sign in with a password right now'],
  SERVICE_UNAVAILABLE: [503, 'The service is not available right now'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** The `type` of a problem document: a URI that names the code and leads nowhere. */
export const problemType = (code: ProblemCode): string =>
  `urn:problem:${code.toLowerCase().replaceAll('_', '-')}`;

/** One thing wrong with a request: where it is (`content`, `items.0.name`) and what to do about it. */
export interface FieldError {
  path: string;
  message: string;
}

export interface AppErrorOptions {
  /** What this caller can do about it. */
  detail?: string;
  errors?: FieldError[];
  /** Becomes the `Retry-After` header; seconds, rounded up. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** The one exception that services throw. The problem filter turns it into a problem document (RFC 9457). */
export class AppError extends Error {
  readonly detail: string | undefined;
  readonly errors: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: ProblemCode,
    options: AppErrorOptions = {},
  ) {
    super(code, { cause: options.cause });
    this.name = 'AppError';
    this.detail = options.detail;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return PROBLEMS[this.code][0];
  }

  get title(): string {
    return PROBLEMS[this.code][1];
  }
}
