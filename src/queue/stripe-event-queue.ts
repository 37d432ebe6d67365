import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { Env } from '../config/env.js';
import { STRIPE_EVENT_QUEUE, type StripeEventJob } from './queues.js';

@Injectable()
export class StripeEventQueue {
  constructor(
    private readonly env: Env,
    @InjectQueue(STRIPE_EVENT_QUEUE) private readonly queue: Queue<StripeEventJob>,
  ) {
    // As in ReplyQueue.
    queue.on('error', () => undefined);
  }

  /** A second job for an event that has one already is not added. */
  async enqueueAll(eventIds: readonly string[]): Promise<void> {
    if (eventIds.length === 0) return;
    await this.queue.addBulk(
      eventIds.map((eventId) => ({
        name: 'event',
        data: { eventId },
        opts: {
          jobId: eventId,
          attempts: this.env.STRIPE_EVENT_MAX_ATTEMPTS,
          backoff: { type: 'exponential', delay: this.env.STRIPE_EVENT_RETRY_BASE_MS },
          removeOnComplete: true,
          removeOnFail: true,
        },
      })),
    );
  }

  /** As `enqueueAll`, and those that wait for their next attempt begin anew, now. */
  async replace(eventIds: readonly string[]): Promise<void> {
    for (const eventId of eventIds) await this.queue.remove(eventId);
    await this.enqueueAll(eventIds);
  }
}
