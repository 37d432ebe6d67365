import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, Repository } from 'typeorm';
import { DuplicateSubscription } from './duplicate-subscription.entity.js';
import type { Refund } from './stripe/stripe.client.js';

@Injectable()
export class DuplicateSubscriptionsRepository {
  constructor(
    @InjectRepository(DuplicateSubscription) private readonly duplicates: Repository<DuplicateSubscription>,
  ) {}

  /** Those that are still to be cancelled and given back, the newest one first. */
  listUnsettled(userId: string): Promise<DuplicateSubscription[]> {
    return this.duplicates.find({
      where: { userId, settledAt: IsNull() },
      order: { subscribedAt: 'DESC', id: 'DESC' },
    });
  }

  async markSettled({ userId, id }: DuplicateSubscription, refund: Refund): Promise<void> {
    await this.duplicates.update(
      { userId, id, settledAt: IsNull() },
      {
        settledAt: new Date(),
        refundedAmount: refund.amount,
        currency: refund.currency,
        refundComplete: refund.complete,
      },
    );
  }
}
