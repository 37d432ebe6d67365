import type { User } from '../../users/user.entity.js';
import { UserResponse } from '../../users/dto/user.response.js';

interface Tokens {
  accessToken: string;
  expiresIn: number;
  refreshToken: string;
  expiresAt: Date;
}

/** A session that was opened or refreshed. */
export class SessionResponse {
  /**
   * Send it with every request: `Authorization: Bearer <accessToken>`.
   * @example 'eyJhbGciOiJIUzI1NiJ9.…'
   */
  accessToken!: string;

  /** @example 'Bearer' */
  tokenType!: string;

  /**
   * Seconds until the access token expires.
   * @example 900
   */
  expiresIn!: number;

  /**
   * Gets the next pair of tokens from `/v1/auth/refresh`, once: the answer brings another one. Keep it where only your
   * application can read it.
   * @example 'AZnyQAAAfBGfDj8faxssPQ…'
   */
  refreshToken!: string;

  /** When the session ends unless it is refreshed before. */
  refreshExpiresAt!: Date;

  user!: UserResponse;

  static from({ accessToken, expiresIn, refreshToken, expiresAt }: Tokens, user: User): SessionResponse {
    return {
      accessToken,
      tokenType: 'Bearer',
      expiresIn,
      refreshToken,
      refreshExpiresAt: expiresAt,
      user: UserResponse.from(user),
    };
  }
}
