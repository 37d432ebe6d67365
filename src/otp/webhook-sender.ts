import { createHmac } from 'node:crypto';
import type { Env } from '../config/env.js';
import { DeliveryRefusedError, type OtpMessage, type OtpSender } from './otp-sender.js';

/** By which a gateway says that this message will never go out. */
const REFUSALS = [400, 422];

/**
 * Posts messages to the operator's own gateway, as JSON, signed the way Stripe signs webhooks:
 * `OTP-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>" under OTP_WEBHOOK_SECRET>`.
 */
export class WebhookSender implements OtpSender {
  constructor(private readonly env: Env) {}

  async send({ id, purpose, to, code, text, expiresAt }: OtpMessage): Promise<void> {
    const body = JSON.stringify({ id, purpose, to, code, text, expiresAt });
    const response = await fetch(this.env.OTP_WEBHOOK_URL, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'otp-signature': this.sign(body) },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(this.env.OTP_DELIVERY_TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (response.ok) return;
    const said = `The gateway answered ${response.status}`;
    throw REFUSALS.includes(response.status) ? new DeliveryRefusedError(said) : new Error(said);
  }

  private sign(body: string): string {
    const seconds = Math.floor(Date.now() / 1000);
    const mac = createHmac('sha256', this.env.OTP_WEBHOOK_SECRET).update(`${seconds}.${body}`).digest('hex');
    return `t=${seconds},v1=${mac}`;
  }
}
