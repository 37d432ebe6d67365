import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE_SECONDS = 300;

/**
 * Whether a request is the app's: what a gateway behind OTP_DELIVERY=webhook has to check.
 *
 * @param header `OTP-Signature`: `t=<unix seconds>,v1=<hex>`
 * @param body exactly as it arrived
 */
export function isSigned(header: string | undefined, body: string, secret: string): boolean {
  const match = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header ?? '');
  const [, sentAt = '', signature = ''] = match ?? [];
  if (Math.abs(Date.now() / 1000 - Number(sentAt)) > TOLERANCE_SECONDS) return false;
  const expected = createHmac('sha256', secret).update(`${sentAt}.${body}`).digest();
  return match !== null && timingSafeEqual(expected, Buffer.from(signature, 'hex'));
}
