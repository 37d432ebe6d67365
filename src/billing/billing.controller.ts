import { Controller, Get, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../common/api-problems.js';
import { CurrentUserId } from '../common/current-user.js';
import { ClaimedKey, type IdempotencyClaim, Idempotent } from '../idempotency/idempotent.decorator.js';
import { BillingService } from './billing.service.js';
import type { CheckoutResponse } from './dto/checkout.response.js';
import type { SubscriptionResponse } from './dto/subscription.response.js';

@ApiTags('Billing')
@ApiBearerAuth()
@Controller('v1/billing')
export class BillingController {
  constructor(private readonly billing: BillingService) {}

  /** Begin to subscribe to Pro: returns Stripe's page to pay on */
  @Post('checkout')
  @Idempotent()
  @ApiProblems('ALREADY_PRO', 'PAYMENT_PROVIDER_UNAVAILABLE')
  checkout(
    @CurrentUserId() userId: string,
    @ClaimedKey() claim: IdempotencyClaim | null,
  ): Promise<CheckoutResponse> {
    return this.billing.checkout(userId, claim);
  }

  /** Your subscription, and the tier it gives you */
  @Get('subscription')
  subscription(@CurrentUserId() userId: string): Promise<SubscriptionResponse> {
    return this.billing.subscription(userId);
  }
}
