import { OnWorkerEvent, WorkerHost } from '@nestjs/bullmq';
import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Job } from 'bullmq';
import { requestContext } from '../common/request-context.js';
import type { StripeEventJob } from '../queue/queues.js';
import { StripeEventsRepository } from './stripe-events.repository.js';
import { SubscriptionSync } from './subscription-sync.service.js';

/**
 * Acts on stored webhook events. None is applied: each makes us ask Stripe for the customer's state. Kinds that
 * concern no customer of ours are kept and ignored.
 */
@Injectable()
export class StripeEventProcessor extends WorkerHost implements BeforeApplicationShutdown {
  private readonly logger = new Logger(StripeEventProcessor.name);

  constructor(
    private readonly events: StripeEventsRepository,
    private readonly sync: SubscriptionSync,
  ) {
    super();
  }

  override process(job: Job<StripeEventJob>): Promise<string> {
    return requestContext.run({ jobId: job.data.eventId }, () => this.handle(job.data.eventId));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.close();
  }

  @OnWorkerEvent('failed')
  onFailed(job: Job<StripeEventJob> | undefined, err: Error): void {
    this.logger.error({ err, jobId: job?.id, attempt: job?.attemptsMade }, 'An event could not be acted on');
  }

  @OnWorkerEvent('error')
  onError(): void {
    // As in ReplyProcessor.
  }

  private async handle(eventId: string): Promise<string> {
    const event = await this.events.find(eventId);
    if (event === null || event.processedAt !== null) return 'already processed';
    const synced = event.customerId !== null && (await this.sync.sync(event.customerId));
    await this.events.markProcessed(event.id);
    return synced ? 'synced' : 'ignored';
  }
}
