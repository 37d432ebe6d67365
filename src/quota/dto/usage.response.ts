import type { Tier } from '../../users/user.entity.js';
import type { QuotaState } from '../quota.service.js';

/** The prompts of the current UTC day. */
export class UsageResponse {
  tier!: Tier;

  /**
   * Prompts answered or being answered today.
   * @example 3
   */
  used!: number;

  /**
   * Prompts a day; null without a limit.
   * @example 5
   */
  limit!: number | null;

  /**
   * Null without a limit.
   * @example 2
   */
  remaining!: number | null;

  /** When the next day begins: midnight, UTC. */
  resetAt!: Date;

  static from(tier: Tier, { used, limit, resetAt }: QuotaState): UsageResponse {
    return { tier, used, limit, remaining: limit === null ? null : Math.max(0, limit - used), resetAt };
  }
}
