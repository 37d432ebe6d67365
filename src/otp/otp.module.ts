import { Processor } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { Env } from '../config/env.js';
import { QueueModule } from '../queue/queue.module.js';
import { OTP_DELIVERY_QUEUE } from '../queue/queues.js';
import { workerOptions } from '../queue/worker-options.js';
import { GuessLimits } from './guess-limits.js';
import { OtpCodes } from './otp-codes.js';
import { OtpDelivery, sendsMessages } from './otp-delivery.js';
import { OtpDeliveryProcessor } from './otp-delivery.processor.js';
import { OTP_SENDER, type OtpSender } from './otp-sender.js';
import { OtpStore } from './otp-store.js';
import { OtpService } from './otp.service.js';
import { SendLimits } from './send-limits.js';
import { TestNumbers } from './test-numbers.js';
import { TwilioSender } from './twilio-sender.js';
import { WebhookSender } from './webhook-sender.js';

/** Messages sent at once by one process: many, because a provider that hangs must hold up as few others as possible. */
const SEND_CONCURRENCY = 100;

@Module({
  imports: [QueueModule],
  providers: [OtpService, OtpCodes, OtpStore, OtpDelivery, SendLimits, GuessLimits, TestNumbers],
  exports: [OtpService, OtpDelivery, OtpCodes, OtpStore, SendLimits],
})
export class OtpModule {}

/** The worker that sends messages, for the roles that work the queue. */
@Module({})
export class OtpWorkerModule {
  static with(env: Env): DynamicModule {
    if (!sendsMessages(env)) return { module: OtpWorkerModule };
    // As in GeminiModule: the worker's options are settings.
    Processor(OTP_DELIVERY_QUEUE, workerOptions(env, SEND_CONCURRENCY))(OtpDeliveryProcessor);
    return {
      module: OtpWorkerModule,
      imports: [OtpModule],
      providers: [OtpDeliveryProcessor, { provide: OTP_SENDER, inject: [Env], useFactory: connect }],
    };
  }
}

function connect(env: Env): OtpSender | Promise<OtpSender> {
  return env.OTP_DELIVERY === 'twilio' ? TwilioSender.connect(env) : new WebhookSender(env);
}
