import { Processor } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { Env } from '../config/env.js';
import { QueueModule } from '../queue/queue.module.js';
import { STRIPE_EVENT_QUEUE } from '../queue/queues.js';
import { workerOptions } from '../queue/worker-options.js';
import { UsersModule } from '../users/users.module.js';
import { BillingController } from './billing.controller.js';
import { BillingService } from './billing.service.js';
import { StripeClient } from './stripe.client.js';
import { StripeEvent } from './stripe-event.entity.js';
import { StripeEventProcessor } from './stripe-event.processor.js';
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
  imports: [TypeOrmModule.forFeature([Subscription, StripeEvent]), UsersModule, QueueModule],
  controllers: [BillingController, WebhookController],
  providers: [
    BillingService,
    WebhookService,
    SubscriptionSync,
    StripeClient,
    SubscriptionsRepository,
    StripeEventsRepository,
  ],
  exports: [SubscriptionSync, StripeEventsRepository, QueueModule],
})
export class BillingModule {}

/** The worker that acts on webhook events, for the roles that work the queue. */
@Module({})
export class BillingWorkerModule {
  static with(env: Env): DynamicModule {
    // As in GeminiModule: the worker's options are settings.
    Processor(STRIPE_EVENT_QUEUE, workerOptions(env, EVENT_CONCURRENCY))(StripeEventProcessor);
    return {
      module: BillingWorkerModule,
      imports: [BillingModule],
      providers: [StripeEventProcessor, StripeEventSweeper],
    };
  }
}
