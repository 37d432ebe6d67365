import { Injectable } from '@nestjs/common';
import type { Stripe } from 'stripe';
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

/** Stripe's SDK with its time limits and retries, and what its errors mean to us. It is loaded with the first use. */
@Injectable()
export class StripeApi {
  private sdk: Promise<Stripe> | undefined;

  constructor(private readonly env: Env) {}

  async webhooks(): Promise<Stripe['webhooks']> {
    return (await this.load()).webhooks;
  }

  /**
   * Any failure fails closed. Where Stripe is away, asking again helps; where it refuses us, a setting is wrong.
   *
   * @throws AppError PAYMENT_PROVIDER_UNAVAILABLE; StripeMissing; StripeRefusal
   */
  async call<T>(work: (sdk: Stripe) => Promise<T>): Promise<T> {
    const sdk = await this.load();
    try {
      return await work(sdk);
    } catch (error) {
      throw translated(error, (await import('stripe')).Stripe.errors);
    }
  }

  private load(): Promise<Stripe> {
    this.sdk ??= import('stripe').then(({ Stripe: Sdk }) => {
      const api = new URL(this.env.STRIPE_API_BASE);
      const protocol = api.protocol === 'http:' ? 'http' : 'https';
      return new Sdk(this.env.STRIPE_SECRET_KEY, {
        host: api.hostname,
        port: api.port || (protocol === 'http' ? 80 : 443),
        protocol,
        timeout: this.env.STRIPE_TIMEOUT_MS,
        maxNetworkRetries: NETWORK_RETRIES,
        telemetry: false,
      });
    });
    return this.sdk;
  }
}

function translated(error: unknown, errors: typeof Stripe.errors): unknown {
  if (isOutage(error, errors)) {
    return new AppError('PAYMENT_PROVIDER_UNAVAILABLE', {
      detail: 'You were not charged. Try again in a moment.',
      cause: error,
    });
  }
  if (!(error instanceof errors.StripeError)) return error;
  return error.code === 'resource_missing'
    ? new StripeMissing(error.param ?? 'id', { cause: error })
    : new StripeRefusal(error.code ?? null, { cause: error });
}

/** A key that is in use (409) is a call of ours that has not ended: its effect is not known yet. */
function isOutage(
  error: unknown,
  { StripeConnectionError, StripeAPIError, StripeRateLimitError, StripeError }: typeof Stripe.errors,
): boolean {
  return (
    error instanceof StripeConnectionError ||
    error instanceof StripeAPIError ||
    error instanceof StripeRateLimitError ||
    (error instanceof StripeError && error.statusCode === 409)
  );
}
