import { type Tier, type User, tierAt } from '../user.entity.js';

/** A person, as they see themselves. */
export class UserResponse {
  /**
   * UUIDv7.
   * @example '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d'
   */
  id!: string;

  /**
   * E.164.
   * @example '+14155552671'
   */
  mobile!: string;

  /** @example 'Ada' */
  displayName!: string | null;

  /** What the person is entitled to right now: `basic` or `pro`. */
  tier!: Tier;

  /** Whether a password is set, so that a client can offer `login` or `change-password`. */
  hasPassword!: boolean;

  createdAt!: Date;
  updatedAt!: Date;

  static from(user: User): UserResponse {
    return {
      id: user.id,
      mobile: user.mobile,
      displayName: user.displayName,
      tier: tierAt(user, new Date()),
      hasPassword: user.passwordHash !== null,
      createdAt: user.createdAt,
      updatedAt: user.updatedAt,
    };
  }
}
