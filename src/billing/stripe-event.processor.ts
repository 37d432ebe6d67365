import { OnWorkerEvent, WorkerHost } from '@nestjs/bullmq';
import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { type Job, UnrecoverableError } from 'bullmq';
import type { StripeEventJob } from '../queue/queues.js';
import { runJob } from '../queue/traced-jobs.js';
import { EventGivenUp, StripeEventService } from './stripe-event.service.js';

/** Has stored webhook events acted on; safe to run twice. */
@Injectable()
export class StripeEventProcessor extends WorkerHost implements BeforeApplicationShutdown {
  private readonly logger = new Logger(StripeEventProcessor.name);

  constructor(private readonly events: StripeEventService) {
    super();
  }

  override process(job: Job<StripeEventJob>): Promise<string> {
    return runJob(job, job.data.eventId, () => this.handle(job.data.eventId));
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
    try {
      return await this.events.handle(eventId);
    } catch (error) {
      // The queue's own count starts anew when Redis is lost; the row's does not.
      if (error instanceof EventGivenUp) throw new UnrecoverableError('The event is given up');
      throw error;
    }
  }
}
