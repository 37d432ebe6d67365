/** What every error answers, as `application/problem+json` (RFC 9457). */
export class ProblemResponse {
  /** @example 'urn:problem:chatroom-not-found' */
  type!: string;

  /** @example 'There is no such chatroom' */
  title!: string;

  /** @example 404 */
  status!: number;

  /** What you can do about it. */
  detail?: string;

  /**
   * Stable: branch on this one.
   * @example 'CHATROOM_NOT_FOUND'
   */
  code!: string;

  /** For requests that are not valid: everything that is wrong, with its place. */
  errors?: ProblemFieldError[];

  /**
   * Quote it when you report a problem; also in the `x-request-id` header of every answer.
   * @example '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d'
   */
  requestId!: string;
}

export class ProblemFieldError {
  /** @example 'content' */
  path!: string;

  /** @example 'content should not be empty' */
  message!: string;
}
