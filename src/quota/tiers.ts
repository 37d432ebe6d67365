import { Injectable } from '@nestjs/common';
import { type Tier, tierAt } from '../users/user.entity.js';
import { UsersService } from '../users/users.service.js';

/** People that are remembered; who comes back after so many others is looked for again. */
const SEEN_MAX = 50_000;

/** The tiers of people who send prompts. */
@Injectable()
export class Tiers {
  private readonly seen = new Map<string, Tier>();

  constructor(private readonly users: UsersService) {}

  /**
   * What this process last saw; it may be old. It saves a look at Postgres before each prompt and decides nothing:
   * `accept_replies` reads the tier itself, under the lock with which it stores the prompt.
   */
  lastSeen(userId: string): Tier | undefined {
    return this.seen.get(userId);
  }

  /**
   * The tier at this moment.
   *
   * @throws AppError UNAUTHENTICATED when the account is gone
   */
  async look(userId: string): Promise<Tier> {
    const tier = tierAt(await this.users.load(userId), new Date());
    this.remember(userId, tier);
    return tier;
  }

  remember(userId: string, tier: Tier): void {
    this.seen.delete(userId);
    this.seen.set(userId, tier);
    if (this.seen.size <= SEEN_MAX) return;
    const [longestAgo] = this.seen.keys();
    if (longestAgo !== undefined) this.seen.delete(longestAgo);
  }
}
