import type { Twilio } from 'twilio';
import type { Env } from '../config/env.js';
import {
  DeliveryRefusedError,
  NotSentError,
  unansweredError,
  type OtpMessage,
  type OtpSender,
} from './otp-sender.js';

const BAD_REQUEST = 400;

/** Twilio Programmable Messaging. The one file that knows its SDK. */
export class TwilioSender implements OtpSender {
  private constructor(
    private readonly env: Env,
    private readonly client: Twilio,
  ) {}

  /** The SDK is loaded here, and so only where it is used: it takes a sixth of a second and 20 MB. */
  static async connect(env: Env): Promise<TwilioSender> {
    const { default: twilio } = await import('twilio');
    const client = twilio(env.TWILIO_ACCOUNT_SID, env.TWILIO_AUTH_TOKEN, {
      timeout: env.OTP_DELIVERY_TIMEOUT_MS,
    });
    client.api.baseUrl = env.TWILIO_API_BASE;
    return new TwilioSender(env, client);
  }

  async send({ to, text, expiresAt }: OtpMessage): Promise<void> {
    const { TWILIO_FROM: from } = this.env;
    try {
      await this.client.messages.create({
        to,
        body: text,
        ...(from.startsWith('MG') ? { messagingServiceSid: from } : { from }),
        // Twilio drops what it could not send by then.
        validityPeriod: Math.max(1, Math.floor((expiresAt.getTime() - Date.now()) / 1000)),
      });
    } catch (error) {
      throw withoutContents(error);
    }
  }
}

/** Twilio's errors quote the number, and those of its HTTP client hold the request with its credentials. */
function withoutContents(thrown: unknown): Error {
  const { status, code } = thrown as { status?: unknown; code?: unknown };
  if (typeof status !== 'number') return unansweredError('Twilio', code);
  // https://www.twilio.com/docs/api/errors
  const said = `Twilio answered ${status}, error ${String(code)}`;
  return status === BAD_REQUEST ? new DeliveryRefusedError(said) : new NotSentError(said);
}
