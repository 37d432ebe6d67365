import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { QUEUE_PREFIX } from '../redis/keys.js';
import { REDIS } from '../redis/redis.module.js';
import { AccountDeletionQueue } from './account-deletion-queue.js';
import { OtpDeliveryQueue } from './otp-delivery-queue.js';
import {
  ACCOUNT_DELETION_QUEUE,
  OTP_DELIVERY_QUEUE,
  REPLY_QUEUE,
  STRIPE_EVENT_QUEUE,
  STRIPE_RECONCILE_QUEUE,
  TITLE_QUEUE,
} from './queues.js';
import { ReplyQueue } from './reply-queue.js';
import { StripeEventQueue } from './stripe-event-queue.js';
import { StripeReconcileQueue } from './stripe-reconcile-queue.js';
import { TitleQueue } from './title-queue.js';

/** Producers. They use the process's one command connection and fail fast with it; workers bring their own. */
@Module({
  imports: [
    BullModule.forRootAsync({
      inject: [REDIS],
      useFactory: (connection: Redis) => ({ connection, prefix: QUEUE_PREFIX }),
    }),
    BullModule.registerQueue(
      { name: REPLY_QUEUE },
      { name: STRIPE_EVENT_QUEUE },
      { name: STRIPE_RECONCILE_QUEUE },
      { name: TITLE_QUEUE },
      { name: OTP_DELIVERY_QUEUE },
      { name: ACCOUNT_DELETION_QUEUE },
    ),
  ],
  providers: [
    ReplyQueue,
    StripeEventQueue,
    StripeReconcileQueue,
    TitleQueue,
    OtpDeliveryQueue,
    AccountDeletionQueue,
  ],
  exports: [
    ReplyQueue,
    StripeEventQueue,
    StripeReconcileQueue,
    TitleQueue,
    OtpDeliveryQueue,
    AccountDeletionQueue,
  ],
})
export class QueueModule {}
