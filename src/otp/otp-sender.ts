import type { OtpPurpose } from '../common/otp-purpose.js';
/** A message on its way to a phone. */
export interface OtpMessage {
  /** The same each time the message is tried: a gateway may use it to send once. */
  id: string;
  purpose: OtpPurpose;
  /** E.164. */
  to: string;
  code: string;
  text: string;
  expiresAt: Date;
}

/** The port through which messages leave. What is thrown is stored and logged: it must hold neither code nor number. */
export interface OtpSender {
  /** @throws DeliveryRefusedError when trying again is no use; anything else is tried again */
  send(message: OtpMessage): Promise<void>;
}

/** Injection token of the `OtpSender` that OTP_DELIVERY chose. */
export const OTP_SENDER = Symbol('otp-sender');

/** The provider took our word and will not send to this number. */
export class DeliveryRefusedError extends Error {
  override readonly name = 'DeliveryRefusedError';
}
