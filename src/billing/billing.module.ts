import { Processor } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { Env } from '../config/env.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { QueueModule } from '../queue/queue.module.js';
import { STRIPE_EVENT_QUEUE, STRIPE_RECONCILE_QUEUE } from '../queue/queues.js';
import { workerOptions } from '../queue/worker-options.js';
import { UsersModule } from '../users/users.module.js';
import { BillingController } from './billing.controller.js';
import { BillingService } from './billing.service.js';
import { CancellationService } from './cancellation.service.js';
import { CheckoutService } from './checkout.service.js';
import { CustomerEnd } from './customer-end.js';
import { Customers } from './customers.service.js';
import { DuplicateSubscription } from './duplicate-subscription.entity.js';
import { DuplicateSubscriptionsRepository } from './duplicate-subscriptions.repository.js';
import { ReconcileProcessor } from './reconcile.processor.js';
import { Reconciler } from './reconcile.service.js';
import { StripeApi } from './stripe/stripe-api.js';
import { StripeCheckoutClient } from './stripe/stripe-checkout.client.js';
import { StripeInvoicesClient } from './stripe/stripe-invoices.client.js';
import { StripeWebhooks } from './stripe/stripe-webhooks.js';
import { StripeClient } from './stripe/stripe.client.js';
import { StripeEvent } from './stripe-event.entity.js';
import { StripeEventInbox } from './stripe-event-inbox.js';
import { StripeEventProcessor } from './stripe-event.processor.js';
import { StripeEventService } from './stripe-event.service.js';
import { StripeEventSweeper } from './stripe-event-sweeper.js';
import { StripeEventsRepository } from './stripe-events.repository.js';
import { Subscription } from './subscription.entity.js';
import { SubscriptionSync } from './subscription-sync.service.js';
import { SubscriptionsRepository } from './subscriptions.repository.js';
import { WebhookController } from './webhook.controller.js';
import { WebhookService } from './webhook.service.js';

/** Events acted on at once by one process. Each holds a database connection while it asks Stripe. */
const EVENT_CONCURRENCY = 4;

@Module({
  imports: [
    TypeOrmModule.forFeature([Subscription, DuplicateSubscription, StripeEvent]),
    UsersModule,
    QueueModule,
    IdempotencyModule,
  ],
  controllers: [BillingController, WebhookController],
  providers: [
    BillingService,
    CheckoutService,
    CancellationService,
    Customers,
    WebhookService,
    StripeEventInbox,
    StripeEventService,
    SubscriptionSync,
    Reconciler,
    StripeApi,
    StripeClient,
    StripeCheckoutClient,
    StripeInvoicesClient,
    StripeWebhooks,
    CustomerEnd,
    SubscriptionsRepository,
    DuplicateSubscriptionsRepository,
    StripeEventsRepository,
  ],
  exports: [
    CustomerEnd,
    StripeEventService,
    StripeEventsRepository,
    SubscriptionsRepository,
    Reconciler,
    QueueModule,
  ],
})
export class BillingModule {}

/** What acts on webhook events and compares everybody with Stripe, for the roles that work the queues. */
@Module({})
export class BillingWorkerModule {
  static with(env: Env): DynamicModule {
    // As in GeminiModule: the worker's options are settings.
    Processor(STRIPE_EVENT_QUEUE, workerOptions(env, EVENT_CONCURRENCY))(StripeEventProcessor);
    Processor(STRIPE_RECONCILE_QUEUE, workerOptions(env, 1))(ReconcileProcessor);
    return {
      module: BillingWorkerModule,
      imports: [BillingModule],
      providers: [StripeEventProcessor, StripeEventSweeper, ReconcileProcessor],
    };
  }
}
