import { createHmac } from 'node:crypto';
import type { Env } from '../config/env.js';
import {
  DeliveryRefusedError,
  NotSentError,
  unansweredError,
  type OtpMessage,
  type OtpSender,
} from './otp-sender.js';

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
    const response = await this.post(body).catch((error: unknown) => {
      throw unansweredError('The gateway', codeOf(error));
    });
    // It has answered; how its body ends is no matter.
    await response.body?.cancel().catch(() => undefined);
    if (response.ok) return;
    const said = `The gateway answered ${response.status}`;
    throw REFUSALS.includes(response.status) ? new DeliveryRefusedError(said) : new NotSentError(said);
  }

  private post(body: string): Promise<Response> {
    return fetch(this.env.OTP_WEBHOOK_URL, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'otp-signature': this.sign(body) },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(this.env.OTP_DELIVERY_TIMEOUT_MS),
    });
  }

  private sign(body: string): string {
    const seconds = Math.floor(Date.now() / 1000);
    const mac = createHmac('sha256', this.env.OTP_WEBHOOK_SECRET).update(`${seconds}.${body}`).digest('hex');
    return `t=${seconds},v1=${mac}`;
  }
}

/** undici hides what went wrong below a TypeError; what is aborted has a name and no code. */
function codeOf(error: unknown): unknown {
  const { cause, name } = error as { cause?: { code?: unknown }; name?: unknown };
  return cause?.code ?? name;
}
