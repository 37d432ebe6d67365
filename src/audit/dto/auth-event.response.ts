import type { Page } from '../../common/pagination.js';
import type {
  AuthEvent,
  AuthEventKind,
  AuthMethod,
  AuthOutcome,
  NumberChange,
} from '../auth-event.entity.js';

/** Something that happened to your way in. */
export class AuthEventResponse {
  /** @example '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d' */
  id!: string;

  /**
   * One of `signed_up`, `signed_in`, `sign_in_failed`, `code_locked` (too many wrong guesses at a code),
   * `refresh_token_reused` (an old token came back, so the session was ended: somebody may have stolen it), `logged_out`,
   * `logged_out_all`, `session_ended`, `password_changed`, `password_reset`, `number_changed`, `deletion_failed` (a wrong
   * code for deleting the account). There may be more one day. Failures that are alike are noted once a minute, and at
   * most 30 of all of them an hour.
   * @example 'signed_in'
   */
  kind!: AuthEventKind;

  outcome!: AuthOutcome;

  /** How it was proven, or tried to, who this is; null where that is not the point. */
  method!: AuthMethod | null;

  /**
   * The session that began or ended.
   * @example '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d'
   */
  sessionId!: string | null;

  /**
   * Of `number_changed`: the number before and after, masked.
   * @example { "before": "+14********71", "after": "+49********33" }
   */
  numbers?: NumberChange;

  /** @example '203.0.113.7' */
  ip!: string;

  /** @example 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/140.0 Safari/537.36' */
  userAgent!: string | null;

  createdAt!: Date;

  static from(event: AuthEvent): AuthEventResponse {
    return {
      id: event.id,
      kind: event.kind,
      outcome: event.outcome,
      method: event.method,
      sessionId: event.sessionId,
      ...(event.numbers === null ? {} : { numbers: event.numbers }),
      ip: event.ip,
      userAgent: event.userAgent,
      createdAt: event.createdAt,
    };
  }
}

export class AuthEventPageResponse {
  data!: AuthEventResponse[];

  /** Pass it as `cursor` for the next page; null on the last one. */
  nextCursor!: string | null;

  static from(page: Page<AuthEvent>): AuthEventPageResponse {
    return { data: page.data.map((event) => AuthEventResponse.from(event)), nextCursor: page.nextCursor };
  }
}
