import { setImmediate, setTimeout } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Batcher } from '../common/batcher.js';
import { StripeEventQueue } from '../queue/stripe-event-queue.js';
import type { VerifiedEvent } from './stripe/stripe-webhooks.js';
import { StripeEventsRepository } from './stripe-events.repository.js';

/** Events in one statement, at most. */
const BATCH_MAX = 500;
/** From one queueing to the next one, ms: events of one customer that come meanwhile are one job. */
const GATHER_MS = 10;

/** Stores events, and queues those that are to be acted on. */
@Injectable()
export class StripeEventInbox {
  private readonly logger = new Logger(StripeEventInbox.name);
  private readonly batcher: Batcher<VerifiedEvent, boolean>;
  /** By customer: the newest event that is to be queued. */
  private readonly unqueued = new Map<string | null, string>();
  private queueing = false;

  constructor(
    events: StripeEventsRepository,
    private readonly queue: StripeEventQueue,
  ) {
    this.batcher = new Batcher(
      async (batch) => {
        const stored = new Set(await events.store(batch));
        return batch.map(({ id }) => stored.has(id));
      },
      { most: BATCH_MAX },
    );
  }

  /** Resolves when the event is stored; from then on it is acted on, whatever dies. */
  async store(event: VerifiedEvent): Promise<void> {
    const isToBeQueued = await this.batcher.run(event);
    if (!isToBeQueued) return;
    // Acting on one event of a customer acts on all that came before; should it fail, the sweep queues the others.
    this.unqueued.set(event.customerId, event.id);
    if (!this.queueing) void this.queueAll();
  }

  /** Nobody waits for it: what cannot be queued now is queued by the sweep. */
  private async queueAll(): Promise<void> {
    this.queueing = true;
    // The others of the same batch come in this turn.
    await setImmediate();
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
