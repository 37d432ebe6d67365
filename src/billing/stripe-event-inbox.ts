import { setTimeout } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { isConnectionFailure } from '../common/connection-failure.js';
import { StripeEventQueue } from '../queue/stripe-event-queue.js';
import type { VerifiedEvent } from './stripe/stripe-webhooks.js';
import { StripeEventsRepository } from './stripe-events.repository.js';

/** Events in one statement, at most. */
const BATCH = 500;
/** From one queueing to the next one, ms: events of one customer that come meanwhile are one job. */
const GATHER_MS = 10;

interface Waiting {
  event: VerifiedEvent;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Stores events. Those that come while a statement runs go into the next one together, so a burst takes a few
 * statements and one connection, and does not stand in anybody's way.
 */
@Injectable()
export class StripeEventInbox {
  private readonly logger = new Logger(StripeEventInbox.name);
  private readonly waiting: Waiting[] = [];
  private storing = false;
  /** By customer: the newest event that is to be queued. */
  private readonly unqueued = new Map<string | null, string>();
  private queueing = false;

  constructor(
    private readonly events: StripeEventsRepository,
    private readonly queue: StripeEventQueue,
  ) {}

  /** Resolves when the event is stored; from then on it is acted on, whatever dies. */
  store(event: VerifiedEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ event, resolve, reject });
      if (!this.storing) void this.storeAll();
    });
  }

  private async storeAll(): Promise<void> {
    this.storing = true;
    while (this.waiting.length > 0) await this.storeBatch(this.waiting.splice(0, BATCH));
    this.storing = false;
  }

  /** One event that Postgres refuses must not take its neighbours with it. */
  private async storeBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const stored = await this.events.store(batch.map(({ event }) => event));
      for (const { resolve } of batch) resolve();
      this.toQueue(batch, new Set(stored));
    } catch (error) {
      if (batch.length > 1 && !isConnectionFailure(error)) {
        for (const each of batch) await this.storeBatch([each]);
      } else {
        for (const { reject } of batch) reject(error);
      }
    }
  }

  /** Acting on one event of a customer acts on all that came before; should it fail, the sweep queues the others. */
  private toQueue(batch: readonly Waiting[], stored: ReadonlySet<string>): void {
    for (const { event } of batch) {
      if (stored.has(event.id)) this.unqueued.set(event.customerId, event.id);
    }
    if (!this.queueing) void this.queueAll();
  }

  /** Nobody waits for it: what cannot be queued now is queued by the sweep. */
  private async queueAll(): Promise<void> {
    this.queueing = true;
    while (this.unqueued.size > 0) {
      const eventIds = [...this.unqueued.values()];
      this.unqueued.clear();
      try {
        await this.queue.enqueueAll(eventIds);
      } catch (err) {
        this.logger.warn({ err, eventIds }, 'Stored events could not be queued at once; the sweep does it');
      }
      await setTimeout(GATHER_MS);
    }
    this.queueing = false;
  }
}
