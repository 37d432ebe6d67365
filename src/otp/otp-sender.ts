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
  /**
   * @throws DeliveryRefusedError when trying again is no use; NotSentError when it is, and nothing can have been sent;
   * anything else is tried again as well, and may have been sent
   */
  send(message: OtpMessage): Promise<void>;
}

/** Injection token of the `OtpSender` that OTP_DELIVERY chose. */
export const OTP_SENDER = Symbol('otp-sender');

/** The provider took our word and will not send to this number. */
export class DeliveryRefusedError extends Error {
  override readonly name = 'DeliveryRefusedError';
}

/** The provider was not reached, or said that it did not take the message. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError';
}

/** By which a connection says that it was never there, so that nothing went through it. */
const NEVER_CONNECTED = new Set<unknown>([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** For a request without an answer. Says its code alone: such errors quote URLs, and hold whole requests. */
export function unansweredError(provider: string, code: unknown): Error {
  const said = `${provider} could not be asked: ${String(code)}`;
  return NEVER_CONNECTED.has(code) ? new NotSentError(said) : new Error(said);
}
