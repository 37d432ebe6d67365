import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { STRIPE_EVENT_QUEUE, type StripeEventJob } from './queues.js';

const ATTEMPTS = 8;
const FIRST_RETRY_MS = 1000;

@Injectable()
export class StripeEventQueue {
  constructor(@InjectQueue(STRIPE_EVENT_QUEUE) private readonly queue: Queue<StripeEventJob>) {
    // As in ReplyQueue.
    queue.on('error', () => undefined);
  }

  /** A second job for an event that has one already is not added. */
  async enqueue(job: StripeEventJob): Promise<void> {
    await this.queue.add('event', job, {
      jobId: job.eventId,
      attempts: ATTEMPTS,
      backoff: { type: 'exponential', delay: FIRST_RETRY_MS },
      removeOnComplete: true,
      removeOnFail: true,
    });
  }
}
