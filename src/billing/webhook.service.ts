import { Injectable, Logger } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import { StripeEventQueue } from '../queue/stripe-event-queue.js';
import { WebhookResponse } from './dto/webhook.response.js';
import { StripeClient } from './stripe.client.js';
import { StripeEventsRepository } from './stripe-events.repository.js';

@Injectable()
export class WebhookService {
  private readonly logger = new Logger(WebhookService.name);

  constructor(
    private readonly stripe: StripeClient,
    private readonly events: StripeEventsRepository,
    private readonly queue: StripeEventQueue,
  ) {}

  /** Stores the event and has it processed later; once it is stored, Stripe need not send it again. */
  async receive(rawBody: Buffer | undefined, signature: string | undefined): Promise<WebhookResponse> {
    if (rawBody === undefined || signature === undefined) throw new AppError('WEBHOOK_SIGNATURE_INVALID');
    const event = await this.events.store(this.stripe.verifyWebhook(rawBody, signature));
    if (event.processedAt === null) await this.enqueue(event.id);
    return { received: true };
  }

  private async enqueue(eventId: string): Promise<void> {
    try {
      await this.queue.enqueue({ eventId });
    } catch (err) {
      this.logger.warn({ err, eventId }, 'A stored event could not be queued at once; the sweep does it');
    }
  }
}
