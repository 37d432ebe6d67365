import type { User } from '../../users/user.entity.js';
import { UserResponse } from '../../users/dto/user.response.js';

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

  user!: UserResponse;

  static from(accessToken: string, expiresIn: number, user: User): SessionResponse {
    return { accessToken, tokenType: 'Bearer', expiresIn, user: UserResponse.from(user) };
  }
}
