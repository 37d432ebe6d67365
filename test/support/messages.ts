import type { Redis } from 'ioredis';
import {
  type SimulatedSms,
  type SmsMessage,
  startSimulatedSms,
} from '../../local/simulated-sms/simulated-sms.js';
import { until } from './until.js';

export const WEBHOOK_SECRET = 'e2e-webhook-secret-0123456789abcdef';

export const startSms = (): Promise<SimulatedSms> => startSimulatedSms({ secret: WEBHOOK_SECRET });

/** Settings by which codes go to this gateway, with tries that follow quickly. */
export const sentTo = (sms: SimulatedSms): Record<string, string> => ({
  OTP_DELIVERY: 'webhook',
  OTP_WEBHOOK_URL: sms.webhookUrl,
  OTP_WEBHOOK_SECRET: WEBHOOK_SECRET,
  OTP_DELIVERY_RETRY_BASE_MS: '20',
  OTP_DELIVERY_TIMEOUT_MS: '400',
});

export const received = (sms: SimulatedSms, mobile: string): SmsMessage[] =>
  sms.messages.filter(({ to }) => to === mobile);

export const theMessage = (sms: SimulatedSms, mobile: string): Promise<SmsMessage> =>
  until('the message arrives', () => received(sms, mobile)[0]);

/** Every message is sent, has failed, or is no longer wanted. */
export const allSettled = (redis: Redis): Promise<unknown> =>
  until('the queue is empty', async () => {
    const keys = await redis.keys('{queue}:otp-deliveries:*');
    return !keys.some((key) => /:(wait|active|delayed|prioritized)$/.test(key));
  });
