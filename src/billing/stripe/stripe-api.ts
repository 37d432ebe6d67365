import { Injectable } from '@nestjs/common';
import { Stripe } from 'stripe';
import { AppError } from '../../common/app-error.js';
import { Env } from '../../config/env.js';

const NETWORK_RETRIES = 2;

/** Stripe has no such object, or not any more. */
export class StripeMissing extends Error {
  /** @param param the parameter that named it: `id` for what is in the path, `customer` for a customer who is gone */
  constructor(
    readonly param: string,
    options: ErrorOptions,
  ) {
    super(`Stripe has no such ${param}`, options);
    this.name = 'StripeMissing';
  }
}

/** Stripe understood and said no, to this very call: a session that is not open any more, a payment given back before. */
export class StripeRefusal extends Error {
  constructor(
    readonly code: string | null,
    options: ErrorOptions,
  ) {
    super('Stripe refused; look at STRIPE_SECRET_KEY and STRIPE_PRO_PRICE_ID', options);
    this.name = 'StripeRefusal';
  }
}

/** Stripe's SDK with its time limits and retries, and what its errors mean to us. */
@Injectable()
export class StripeApi {
  private readonly sdk: Stripe;

  constructor(env: Env) {
    const api = new URL(env.STRIPE_API_BASE);
    const protocol = api.protocol === 'http:' ? 'http' : 'https';
    this.sdk = new Stripe(env.STRIPE_SECRET_KEY, {
      host: api.hostname,
      port: api.port || (protocol === 'http' ? 80 : 443),
      protocol,
      timeout: env.STRIPE_TIMEOUT_MS,
      maxNetworkRetries: NETWORK_RETRIES,
      telemetry: false,
    });
  }

  get webhooks(): Stripe['webhooks'] {
    return this.sdk.webhooks;
  }

  /**
   * Any failure fails closed. Where Stripe is away, asking again helps; where it refuses us, a setting is wrong.
   *
   * @throws AppError PAYMENT_PROVIDER_UNAVAILABLE; StripeMissing; StripeRefusal
   */
  async call<T>(work: (sdk: Stripe) => Promise<T>): Promise<T> {
    try {
      return await work(this.sdk);
    } catch (error) {
      throw translated(error);
    }
  }
}

function translated(error: unknown): unknown {
  if (isOutage(error)) {
    return new AppError('PAYMENT_PROVIDER_UNAVAILABLE', {
      detail: 'You were not charged. Try again in a moment.',
      cause: error,
    });
  }
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  return error.code === 'resource_missing'
    ? new StripeMissing(error.param ?? 'id', { cause: error })
    : new StripeRefusal(error.code ?? null, { cause: error });
}

/** A key that is in use (409) is a call of ours that has not ended: its effect is not known yet. */
function isOutage(error: unknown): boolean {
  const { StripeConnectionError, StripeAPIError, StripeRateLimitError, StripeError } = Stripe.errors;
  return (
    error instanceof StripeConnectionError ||
    error instanceof StripeAPIError ||
    error instanceof StripeRateLimitError ||
    (error instanceof StripeError && error.statusCode === 409)
  );
}
