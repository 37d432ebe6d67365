import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Env } from '../config/env.js';
import { OtpDeliveryQueue } from '../queue/otp-delivery-queue.js';
import type { IssuedOtp } from './otp.service.js';
import { SendLimits } from './send-limits.js';
import { TestNumbers } from './test-numbers.js';

/** Whether messages go through the queue to an OtpSender. */
export const sendsMessages = ({ OTP_DELIVERY, OTP_WEBHOOK_URL }: Env): boolean =>
  OTP_DELIVERY === 'twilio' ||
  OTP_DELIVERY === 'webhook' ||
  (OTP_DELIVERY === 'response' && OTP_WEBHOOK_URL !== '');

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** The one way by which a code leaves for its person. */
@Injectable()
export class OtpDelivery implements OnApplicationBootstrap {
  private readonly logger = new Logger('OtpDelivery');

  constructor(
    private readonly env: Env,
    private readonly queue: OtpDeliveryQueue,
    private readonly limits: SendLimits,
    private readonly testNumbers: TestNumbers,
  ) {}

  /** Nobody is to find out in production; on a machine that only its own person reaches it is as it should be. */
  onApplicationBootstrap(): void {
    const { NODE_ENV, OTP_DELIVERY, PROCESS_ROLE, HOST, TRUSTED_PROXIES } = this.env;
    const isPrivate = LOOPBACK.test(HOST) && TRUSTED_PROXIES.length === 0;
    if (NODE_ENV !== 'development' || OTP_DELIVERY !== 'response' || PROCESS_ROLE === 'worker' || isPrivate)
      return;
    this.logger.warn(
      'One-time codes are shown in the answers (OTP_DELIVERY=response): whoever reaches this process signs in as ' +
        'anybody. Set NODE_ENV=production for real use',
    );
  }

  /**
   * Waits for no provider: a message is queued, and sent by a worker.
   *
   * @returns the code when it is to be shown in the answer itself
   */
  async deliver(otp: IssuedOtp): Promise<string | undefined> {
    if (!this.testNumbers.has(otp.mobile)) await this.hand(otp);
    return this.env.OTP_DELIVERY === 'response' ? otp.code : undefined;
  }

  private async hand({ id, purpose, mobile, boundTo, address, code }: IssuedOtp): Promise<void> {
    // In words, because the logger redacts fields of that name: here showing the code is what the operator asked for.
    if (this.env.OTP_DELIVERY === 'log') this.logger.log(`The code for ${mobile} is ${code}`);
    if (!sendsMessages(this.env)) return;
    try {
      await this.queue.enqueue({ id, purpose, mobile, boundTo, address });
    } catch (error) {
      await this.limits.giveBack({ id, mobile, address }).catch(() => undefined);
      throw error;
    }
  }
}
