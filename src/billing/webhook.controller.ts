import { Controller, Headers, HttpCode, Post, type RawBodyRequest, Req } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ApiProblems } from '../common/api-problems.js';
import { Public } from '../common/public.decorator.js';
import { SkipThrottling } from '../common/throttling.js';
import type { WebhookResponse } from './dto/webhook.response.js';
import { WebhookService } from './webhook.service.js';

@ApiTags('Billing')
@Controller('webhook/stripe')
export class WebhookController {
  constructor(private readonly webhooks: WebhookService) {}

  /** For Stripe alone: receives its signed events */
  @Public()
  @SkipThrottling()
  @Post()
  @HttpCode(200)
  @ApiBody({ schema: { type: 'object', example: { id: 'evt_1', type: 'customer.subscription.updated' } } })
  @ApiHeader({ name: 'stripe-signature', required: true, description: 'As Stripe signs its webhooks' })
  @ApiProblems('WEBHOOK_SIGNATURE_INVALID')
  receive(
    @Req() request: RawBodyRequest<FastifyRequest>,
    @Headers('stripe-signature') signature?: string,
  ): Promise<WebhookResponse> {
    return this.webhooks.receive(request.rawBody, signature);
  }
}
