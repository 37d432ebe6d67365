import { Injectable, Logger } from '@nestjs/common';
import { Env } from '../config/env.js';
import { facts } from '../metrics/facts.js';
import { StripeEventQueue } from '../queue/stripe-event-queue.js';
import { nameOf } from '../common/error-name.js';
import type { StripeEvent } from './stripe-event.entity.js';
import { StripeEventsRepository } from './stripe-events.repository.js';
import { SubscriptionSync } from './subscription-sync.service.js';

/** Thrown when an event was tried for the last time. */
export class EventGivenUp extends Error {}

/**
 * Acts on stored webhook events. None is applied: each makes us ask Stripe for the customer's state, unless somebody
 * asked after it came.
 */
@Injectable()
export class StripeEventService {
  private readonly logger = new Logger(StripeEventService.name);

  constructor(
    private readonly env: Env,
    private readonly events: StripeEventsRepository,
    private readonly sync: SubscriptionSync,
    private readonly queue: StripeEventQueue,
  ) {}

  /** @throws EventGivenUp after the last attempt, and what went wrong after those before */
  async handle(eventId: string): Promise<string> {
    const event = await this.events.claim(eventId);
    if (event === null) return 'nothing to do';
    try {
      // A process that died has thrown nothing, but it has counted.
      if (event.attempts > this.env.STRIPE_EVENT_MAX_ATTEMPTS) throw new EventGivenUp('Its processes died');
      const outcome = await this.act(event);
      await this.events.finish(event.id, outcome === 'ignored' ? 'ignored' : 'processed');
      return outcome;
    } catch (error) {
      await this.recordFailure(event, error);
      throw error;
    }
  }

  /** Has events acted on once more, from the first attempt on. Returns those that there are. */
  async replay(which: readonly string[] | 'failed'): Promise<string[]> {
    const ids = await this.events.reset(which);
    await this.queue.replace(ids);
    return ids;
  }

  listFailed(limit: number): Promise<StripeEvent[]> {
    return this.events.listFailed(limit);
  }

  private async act({ customerId, receivedAt }: StripeEvent): Promise<string> {
    if (customerId === null) return 'ignored';
    const { outcome, askedAt } = await this.sync.sync({ stripeCustomerId: customerId }, receivedAt);
    if (askedAt === null) return 'ignored';
    for (const lag of await this.events.finishAllOf(customerId, askedAt))
      facts.stripeEventProcessed.tell(lag);
    return outcome;
  }

  private async recordFailure({ id: eventId, type, attempts }: StripeEvent, error: unknown): Promise<void> {
    const lastError = nameOf(error);
    const last = await this.events.recordFailure(eventId, lastError, this.env.STRIPE_EVENT_MAX_ATTEMPTS);
    if (!last) return;
    this.logger.error(
      { eventId, type, attempts, lastError },
      'An event is given up; see npm run admin -- replay-webhooks',
    );
    throw new EventGivenUp(eventId, { cause: error });
  }
}
