import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { QUEUE_PREFIX } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { AccountDeletionQueue } from './account-deletion-queue.js';
import { OtpDeliveryQueue } from './otp-delivery-queue.js';
import { QueueDepths } from './queue-depths.js';
import { QUEUES } from './queues.js';
import { ReplyQueue } from './reply-queue.js';
import { StripeEventQueue } from './stripe-event-queue.js';
import { StripeReconcileQueue } from './stripe-reconcile-queue.js';
import { TitleQueue } from './title-queue.js';

/** Of each queue's own log of events, which nobody reads: about so many (BullMQ's default is 10,000). */
const EVENTS_KEPT = 1000;

/** Producers. They use the process's one command connection and fail fast with it; workers bring their own. */
@Module({
  imports: [
    BullModule.forRootAsync({
      inject: [REDIS],
      useFactory: (connection: RedisClient) => ({
        connection,
        prefix: QUEUE_PREFIX,
        // It asks Redis once, and a queue whose question is lost with a connection would be lost for as long as the process runs.
        skipVersionCheck: true,
        streams: { events: { maxLen: EVENTS_KEPT } },
      }),
    }),
    BullModule.registerQueue(...QUEUES.map((name) => ({ name }))),
  ],
  providers: [
    ReplyQueue,
    StripeEventQueue,
    StripeReconcileQueue,
    TitleQueue,
    OtpDeliveryQueue,
    AccountDeletionQueue,
    QueueDepths,
  ],
  exports: [
    ReplyQueue,
    StripeEventQueue,
    StripeReconcileQueue,
    TitleQueue,
    OtpDeliveryQueue,
    AccountDeletionQueue,
    QueueDepths,
  ],
})
export class QueueModule {}
