import { Injectable } from '@nestjs/common';
import { SubscriptionsRepository } from '../billing/subscriptions.repository.js';
import { maskMobile } from '../common/mask-mobile.js';
import {
  type FailedReply,
  OperatedRepliesRepository,
  type OwedReplyState,
} from '../messages/operated-replies.repository.js';
import { QuotaService, type QuotaState } from '../quota/quota.service.js';
import { SessionsRepository } from '../sessions/sessions.repository.js';
import { type Tier, tierAt } from '../users/user.entity.js';
import { UsersRepository } from '../users/users.repository.js';

/** Replies that are listed, of each kind. */
const REPLIES_MAX = 100;
const FAILED_WITHIN_MS = 7 * 86_400_000;

/** A person as operators see them: no name, no words, and a number that cannot be called. */
export interface Person {
  id: string;
  mobile: string;
  createdAt: Date;
  tier: Tier;
  tierUntil: Date | null;
  subscription: {
    customerId: string;
    subscriptionId: string | null;
    status: string | null;
    currentPeriodEnd: Date | null;
    cancelAtPeriodEnd: boolean;
    pastDueSince: Date | null;
    syncedAt: Date | null;
  } | null;
  usage: QuotaState;
  sessions: number;
  owed: OwedReplyState[];
  failed: FailedReply[];
}

@Injectable()
export class PersonReport {
  constructor(
    private readonly users: UsersRepository,
    private readonly subscriptions: SubscriptionsRepository,
    private readonly quota: QuotaService,
    private readonly sessions: SessionsRepository,
    private readonly replies: OperatedRepliesRepository,
  ) {}

  /** Null when there is nobody, or the account is being deleted. */
  async find(whom: { id: string } | { mobile: string }): Promise<Person | null> {
    const user = await ('id' in whom ? this.users.findById(whom.id) : this.users.findByMobile(whom.mobile));
    if (user === null) return null;
    const { id, createdAt, tierUntil } = user;
    const tier = tierAt(user, new Date());
    const [subscription, usage, sessions, owed, failed] = await Promise.all([
      this.subscriptions.find(id),
      this.quota.state(id, tier),
      this.sessions.count(id),
      this.replies.listOwedTo(id, REPLIES_MAX),
      this.replies.listFailedOf(id, Date.now() - FAILED_WITHIN_MS, REPLIES_MAX),
    ]);
    return {
      ...{ id, mobile: maskMobile(user.mobile), createdAt, tier, tierUntil },
      subscription: subscription && {
        customerId: subscription.stripeCustomerId,
        subscriptionId: subscription.stripeSubscriptionId,
        status: subscription.status,
        currentPeriodEnd: subscription.currentPeriodEnd,
        cancelAtPeriodEnd: subscription.cancelAtPeriodEnd,
        pastDueSince: subscription.pastDueSince,
        syncedAt: subscription.syncedAt,
      },
      ...{ usage, sessions, owed, failed },
    };
  }
}
