import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, LessThan, Repository } from 'typeorm';
import type { VerifiedEvent } from './stripe.client.js';
import { StripeEvent } from './stripe-event.entity.js';

@Injectable()
export class StripeEventsRepository {
  constructor(@InjectRepository(StripeEvent) private readonly events: Repository<StripeEvent>) {}

  /** Stores an event once, however often Stripe delivers it. Returns it as it is stored. */
  async store(event: VerifiedEvent): Promise<StripeEvent> {
    await this.events.createQueryBuilder().insert().values(event).orIgnore().execute();
    return this.events.findOneByOrFail({ id: event.id });
  }

  find(id: string): Promise<StripeEvent | null> {
    return this.events.findOneBy({ id });
  }

  async markProcessed(id: string): Promise<void> {
    await this.events.update({ id }, { processedAt: new Date() });
  }

  /** Events received before a moment that nobody has acted on yet, oldest first. */
  listUnprocessed(before: Date, limit: number): Promise<StripeEvent[]> {
    return this.events.find({
      where: { processedAt: IsNull(), receivedAt: LessThan(before) },
      order: { receivedAt: 'ASC' },
      take: limit,
    });
  }
}
