import { OnWorkerEvent, WorkerHost } from '@nestjs/bullmq';
import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import type { Job } from 'bullmq';
import { Env } from '../config/env.js';
import { facts, type OtpDeliveryOutcome } from '../metrics/facts.js';
import type { OtpDeliveryJob } from '../queue/queues.js';
import { runJob } from '../queue/traced-jobs.js';
import { OtpCodes } from './otp-codes.js';
import { otpText } from './otp-message.js';
import { DeliveryRefusedError, NotSentError, OTP_SENDER, type OtpSender } from './otp-sender.js';
import { OtpStore } from './otp-store.js';
import { SendLimits } from './send-limits.js';

/**
 * Sends messages. The code is not in the job: it is made again from the job's id, and only as long as it is the live
 * one. What could not be sent takes nothing from the person's sends.
 */
@Injectable()
export class OtpDeliveryProcessor extends WorkerHost implements BeforeApplicationShutdown {
  private readonly logger = new Logger(OtpDeliveryProcessor.name);

  constructor(
    private readonly env: Env,
    private readonly codes: OtpCodes,
    private readonly store: OtpStore,
    private readonly limits: SendLimits,
    @Inject(OTP_SENDER) private readonly sender: OtpSender,
  ) {
    super();
  }

  override async process(job: Job<OtpDeliveryJob>): Promise<OtpDeliveryOutcome> {
    const outcome = await runJob(job, job.data.id, () => this.deliver(job));
    facts.otpDelivered.tell(outcome);
    return outcome;
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.close();
  }

  @OnWorkerEvent('failed')
  onFailed(job: Job<OtpDeliveryJob> | undefined, err: Error): void {
    facts.otpDelivered.tell('retried');
    this.logger.warn({ err, jobId: job?.id, attempt: job?.attemptsMade }, 'A code could not be sent yet');
  }

  @OnWorkerEvent('error')
  onError(): void {
    // As in ReplyProcessor.
  }

  private async deliver(job: Job<OtpDeliveryJob>): Promise<OtpDeliveryOutcome> {
    const { id, purpose, mobile, boundTo } = job.data;
    const use = { purpose, mobile, boundTo };
    const code = this.codes.codeFor(use, id);
    const mac = this.codes.mac(use, code);
    const expiresAt = await this.store.findExpiry({ ...use, id, mac });
    if (expiresAt === null) {
      await this.giveBack(job);
      return 'no longer wanted';
    }
    const text = otpText(purpose, code, this.env.OTP_APP_NAME, Math.ceil(this.env.OTP_TTL_SECONDS / 60));
    try {
      await this.sender.send({ id, purpose, to: mobile, code, text, expiresAt });
      return 'sent';
    } catch (err) {
      return this.giveUp(job, err);
    }
  }

  /** Throws when there is a try left. */
  private async giveUp(job: Job<OtpDeliveryJob>, err: unknown): Promise<OtpDeliveryOutcome> {
    if (err instanceof DeliveryRefusedError) {
      // The caps keep counting it, or numbers that cannot be reached would be free to try without end.
      await this.limits.giveBackNumber(job.data);
      this.logger.warn({ err }, 'A code was refused by the provider');
      return 'refused';
    }
    if (!(err instanceof NotSentError)) await job.updateData({ ...job.data, mayBeSent: true });
    if (job.attemptsMade + 1 < (job.opts.attempts ?? 1)) throw err;
    await this.giveBack(job);
    this.logger.error(
      { err },
      mayBeSent(job)
        ? 'Nobody knows whether a code was sent; it counts for all limits but those of its number'
        : 'A code could not be sent; it does not count as sent',
    );
    return 'failed';
  }

  /** What may have been sent may cost: the caps keep counting it. */
  private giveBack(job: Job<OtpDeliveryJob>): Promise<void> {
    return mayBeSent(job) ? this.limits.giveBackNumber(job.data) : this.limits.giveBack(job.data);
  }
}

/** Also where a try was begun and never ended: its process died. */
const mayBeSent = ({ data, attemptsMade, attemptsStarted }: Job<OtpDeliveryJob>): boolean =>
  data.mayBeSent === true || attemptsStarted > attemptsMade + 1;
