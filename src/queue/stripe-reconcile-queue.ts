import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { STRIPE_RECONCILE_QUEUE } from './queues.js';

/** Of a run whose process stops: another one does it all. */
const ATTEMPTS = 3;

@Injectable()
export class StripeReconcileQueue {
  constructor(@InjectQueue(STRIPE_RECONCILE_QUEUE) private readonly queue: Queue) {
    // As in ReplyQueue.
    queue.on('error', () => undefined);
  }

  /**
   * Asks for the run of the current interval, and of all the processes that ask, the first is heard. With one job at a
   * time in all processes together, runs never overlap; a Redis that was lost is asked anew.
   */
  async enqueue(intervalMs: number): Promise<void> {
    await this.queue.setGlobalConcurrency(1);
    const jobId = `run-${intervalMs}-${Math.floor(Date.now() / intervalMs)}`;
    const keep = { age: Math.ceil((2 * intervalMs) / 1000) };
    await this.queue.add(
      'run',
      {},
      { jobId, attempts: ATTEMPTS, removeOnComplete: keep, removeOnFail: keep },
    );
  }
}
