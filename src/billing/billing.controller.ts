import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiParam, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../common/api-problems.js';
import { CurrentUserId } from '../common/current-user.js';
import { PageQuery } from '../common/page.request.js';
import { Idempotent } from '../idempotency/idempotent.decorator.js';
import { BillingService } from './billing.service.js';
import { CancellationService } from './cancellation.service.js';
import { CheckoutService } from './checkout.service.js';
import { CheckoutRequest } from './dto/checkout.request.js';
import type { CheckoutResponse } from './dto/checkout.response.js';
import type { CheckoutStatusResponse } from './dto/checkout-status.response.js';
import type { InvoicePage } from './dto/invoice.response.js';
import type { PortalResponse } from './dto/portal.response.js';
import type { SubscriptionResponse } from './dto/subscription.response.js';

@ApiTags('Billing')
@ApiBearerAuth()
@Controller('v1/billing')
export class BillingController {
  constructor(
    private readonly billing: BillingService,
    private readonly checkouts: CheckoutService,
    private readonly cancellations: CancellationService,
  ) {}

  /** Begin to subscribe to Pro: returns Stripe's page to pay on, the same one while it is open */
  @Post('checkout')
  @Idempotent()
  @ApiBody({ type: CheckoutRequest, required: false })
  @ApiProblems('ALREADY_PRO', 'PAYMENT_DUE', 'PAYMENT_PROVIDER_UNAVAILABLE')
  checkout(@CurrentUserId() userId: string, @Body() dto: CheckoutRequest): Promise<CheckoutResponse> {
    return this.checkouts.open(userId, dto);
  }

  /** What became of a checkout, for the page that people come back to: no webhook is waited for */
  @Get('checkout/:sessionId')
  @ApiParam({ name: 'sessionId', schema: { type: 'string', pattern: '^cs_', example: 'cs_test_a1b2c3' } })
  @ApiProblems('CHECKOUT_NOT_FOUND', 'PAYMENT_PROVIDER_UNAVAILABLE')
  findCheckout(
    @CurrentUserId() userId: string,
    @Param('sessionId') sessionId: string,
  ): Promise<CheckoutStatusResponse> {
    return this.checkouts.find(userId, sessionId);
  }

  /** Stripe's customer portal: change the card, pay what is due, cancel */
  @Post('portal')
  @ApiProblems('BILLING_ACCOUNT_NOT_FOUND', 'PAYMENT_PROVIDER_UNAVAILABLE')
  portal(@CurrentUserId() userId: string): Promise<PortalResponse> {
    return this.billing.portal(userId);
  }

  /** Your subscription, the tier it gives you, and what happens next */
  @Get('subscription')
  subscription(@CurrentUserId() userId: string): Promise<SubscriptionResponse> {
    return this.billing.subscription(userId);
  }

  /** Let your subscription end with the period that is paid for */
  @Post('subscription/cancel')
  @HttpCode(200)
  @ApiProblems('SUBSCRIPTION_NOT_FOUND', 'SUBSCRIPTION_ENDED', 'PAYMENT_PROVIDER_UNAVAILABLE')
  cancel(@CurrentUserId() userId: string): Promise<SubscriptionResponse> {
    return this.cancellations.cancel(userId);
  }

  /** Take a cancellation back while the subscription runs */
  @Post('subscription/resume')
  @HttpCode(200)
  @ApiProblems('SUBSCRIPTION_NOT_FOUND', 'SUBSCRIPTION_ENDED', 'PAYMENT_PROVIDER_UNAVAILABLE')
  resume(@CurrentUserId() userId: string): Promise<SubscriptionResponse> {
    return this.cancellations.resume(userId);
  }

  /** Your invoices, newest first, with Stripe's pages and PDFs of them */
  @Get('invoices')
  @ApiProblems('INVALID_CURSOR', 'BILLING_ACCOUNT_NOT_FOUND', 'PAYMENT_PROVIDER_UNAVAILABLE')
  invoices(@CurrentUserId() userId: string, @Query() query: PageQuery): Promise<InvoicePage> {
    return this.billing.invoices(userId, query);
  }
}
