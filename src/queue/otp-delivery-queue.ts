import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { Env } from '../config/env.js';
import { OTP_DELIVERY_QUEUE, type OtpDeliveryJob } from './queues.js';
import { addJob } from './traced-jobs.js';

@Injectable()
export class OtpDeliveryQueue {
  constructor(
    @InjectQueue(OTP_DELIVERY_QUEUE) private readonly queue: Queue<OtpDeliveryJob>,
    private readonly env: Env,
  ) {
    // As in ReplyQueue.
    queue.on('error', () => undefined);
  }

  async enqueue(job: OtpDeliveryJob): Promise<void> {
    await addJob(this.queue, 'otp', job, {
      jobId: job.id,
      attempts: this.env.OTP_DELIVERY_MAX_ATTEMPTS,
      backoff: { type: 'exponential', delay: this.env.OTP_DELIVERY_RETRY_BASE_MS },
      removeOnComplete: true,
      removeOnFail: true,
    });
  }
}
