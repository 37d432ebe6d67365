import { Injectable } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import { WebhookResponse } from './dto/webhook.response.js';
import { StripeWebhooks } from './stripe/stripe-webhooks.js';
import { StripeEventInbox } from './stripe-event-inbox.js';

@Injectable()
export class WebhookService {
  constructor(
    private readonly webhooks: StripeWebhooks,
    private readonly inbox: StripeEventInbox,
  ) {}

  /** Stores the event and has it processed later; once it is stored, Stripe need not send it again. */
  async receive(rawBody: Buffer | undefined, signature: string | undefined): Promise<WebhookResponse> {
    if (rawBody === undefined || signature === undefined) throw new AppError('WEBHOOK_SIGNATURE_INVALID');
    await this.inbox.store(await this.webhooks.verify(rawBody, signature));
    return { received: true };
  }
}
