import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, LessThan, MoreThanOrEqual, Repository } from 'typeorm';
import type { VerifiedEvent } from './stripe/stripe-webhooks.js';
import { StripeEvent, type StripeEventStatus } from './stripe-event.entity.js';

/** What can change a subscription. */
const RELEVANT = /^(checkout\.session\.|customer\.subscription\.|customer\.deleted$|invoice\.)/;

@Injectable()
export class StripeEventsRepository {
  constructor(@InjectRepository(StripeEvent) private readonly events: Repository<StripeEvent>) {}

  /**
   * Stores events in one statement, each once, however often Stripe delivers it. What cannot change a subscription is
   * kept and ignored. Returns the ids of the new ones that are to be acted on.
   */
  async store(events: readonly VerifiedEvent[]): Promise<string[]> {
    const relevant = events.map(({ type, customerId }) => customerId !== null && RELEVANT.test(type));
    // Arrays, whatever their length: the statement stays the same, where a query builder writes each value into it.
    const stored = await this.events.query<{ id: string; status: StripeEventStatus }[]>(
      `INSERT INTO stripe_events (id, type, customer_id, created_at, status, processed_at)
       SELECT id, type, customer_id, created_at, CASE WHEN relevant THEN 'pending' ELSE 'ignored' END,
         CASE WHEN NOT relevant THEN now() END
       FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bool[])
         event (id, type, customer_id, created_at, relevant)
       ON CONFLICT DO NOTHING RETURNING id, status`,
      [
        events.map(({ id }) => id),
        events.map(({ type }) => type),
        events.map(({ customerId }) => customerId),
        events.map(({ createdAt }) => createdAt),
        relevant,
      ],
    );
    return stored.filter(({ status }) => status === 'pending').map(({ id }) => id);
  }

  /** Begins an attempt at an event, and counts it. Null when there is nothing to be done about it any more. */
  async claim(id: string): Promise<StripeEvent | null> {
    const { affected } = await this.events.update(
      { id, status: 'pending' },
      { attempts: () => 'attempts + 1' },
    );
    return affected === 0 ? null : this.events.findOneBy({ id });
  }

  async finish(id: string, status: Exclude<StripeEventStatus, 'pending'>): Promise<void> {
    await this.events.update({ id, status: 'pending' }, { status, processedAt: new Date(), lastError: null });
  }

  /**
   * Stripe was asked about a customer at that moment: what came before is done with.
   *
   * @returns how long after Stripe made it each of those is, seconds
   */
  async finishAllOf(customerId: string, before: Date): Promise<number[]> {
    const result = await this.events
      .createQueryBuilder()
      .update()
      .set({ status: 'processed', processedAt: new Date(), lastError: null })
      .where({ customerId, status: 'pending', receivedAt: LessThan(before) })
      .returning('extract(epoch FROM processed_at - created_at)::float8 AS lag')
      .execute();
    return (result.raw as { lag: number | null }[]).flatMap(({ lag }) =>
      lag === null ? [] : Math.max(0, lag),
    );
  }

  /** @returns whether that was the last attempt: the event is kept as failed */
  async recordFailure(id: string, lastError: string, maxAttempts: number): Promise<boolean> {
    await this.events.update({ id, status: 'pending' }, { lastError });
    const { affected } = await this.events.update(
      { id, status: 'pending', attempts: MoreThanOrEqual(maxAttempts) },
      { status: 'failed' },
    );
    return affected !== 0;
  }

  /** Pending events received before a moment, oldest first, from the one after another on. */
  listPending(before: Date, after: StripeEvent | null, limit: number): Promise<StripeEvent[]> {
    const query = this.events
      .createQueryBuilder('event')
      .where(`event.status = 'pending' AND event.received_at < :before`, { before })
      .orderBy('event.received_at')
      .addOrderBy('event.id')
      .take(limit);
    if (after !== null) {
      query.andWhere('(event.received_at, event.id) > (:at, :id)', { at: after.receivedAt, id: after.id });
    }
    return query.getMany();
  }

  /** Those that were given up, newest first. */
  listFailed(limit: number): Promise<StripeEvent[]> {
    return this.events.find({ where: { status: 'failed' }, order: { receivedAt: 'DESC' }, take: limit });
  }

  /** Makes events pending as if they came now. Returns the ids of those that there are. */
  async reset(which: readonly string[] | 'failed'): Promise<string[]> {
    const result = await this.events
      .createQueryBuilder()
      .update()
      .set({
        status: 'pending',
        attempts: 0,
        lastError: null,
        processedAt: null,
        receivedAt: () => 'clock_timestamp()',
      })
      .where(which === 'failed' ? { status: 'failed' } : { id: In([...which]) })
      .returning('id')
      .execute();
    return (result.raw as { id: string }[]).map(({ id }) => id);
  }
}
