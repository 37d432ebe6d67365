import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Stripe } from 'stripe';
import { AppError } from '../common/app-error.js';
import { Env } from '../config/env.js';

const TIMEOUT_MS = 10_000;
const NETWORK_RETRIES = 2;
/** Age at which a signed webhook is refused, seconds (Stripe's own recommendation; 0 would turn the check off). */
const WEBHOOK_TOLERANCE_SECONDS = 300;

/** A subscription as Stripe has it right now. */
export interface StripeSubscription {
  id: string;
  /** Stripe's word, which may be one that does not exist yet. */
  status: string;
  createdAt: Date;
  priceId: string;
  /** Minor units of `currency`; null for prices without a fixed amount. */
  amount: number | null;
  currency: string;
  currentPeriodStart: Date;
  currentPeriodEnd: Date;
  cancelAtPeriodEnd: boolean;
}

export interface CheckoutSession {
  id: string;
  /** Stripe's hosted page. */
  url: string;
  expiresAt: Date;
}

/** A webhook event whose signature holds: whom it concerns is all that is taken from it. */
export interface VerifiedEvent {
  id: string;
  type: string;
  customerId: string | null;
}

/** Stripe. The only file that imports its SDK; speaks our types outward. */
@Injectable()
export class StripeClient {
  private readonly sdk: Stripe;

  constructor(private readonly env: Env) {
    const api = new URL(env.STRIPE_API_BASE);
    const protocol = api.protocol === 'http:' ? 'http' : 'https';
    this.sdk = new Stripe(env.STRIPE_SECRET_KEY, {
      host: api.hostname,
      port: api.port || (protocol === 'http' ? 80 : 443),
      protocol,
      timeout: TIMEOUT_MS,
      maxNetworkRetries: NETWORK_RETRIES,
      telemetry: false,
    });
  }

  /** The same person gets the same customer, however often and in parallel this is called within 24 hours. */
  async createCustomer(userId: string, mobile: string): Promise<string> {
    const customer = await this.call(() =>
      this.sdk.customers.create(
        { phone: mobile, metadata: { userId } },
        { idempotencyKey: `customer:${userId}` },
      ),
    );
    return customer.id;
  }

  /**
   * @param key the person's own word for this session: while Stripe remembers it (24 hours or more), the same key gives
   * the same session, whatever died in between
   */
  async createCheckoutSession(customerId: string, userId: string, key?: string): Promise<CheckoutSession> {
    const frontEnd = this.env.FRONTEND_URL.replace(/\/+$/, '');
    const session = await this.call(() =>
      this.sdk.checkout.sessions.create(
        {
          mode: 'subscription',
          customer: customerId,
          client_reference_id: userId,
          line_items: [{ price: this.env.STRIPE_PRO_PRICE_ID, quantity: 1 }],
          subscription_data: { metadata: { userId } },
          success_url: `${frontEnd}/billing/success?session_id={CHECKOUT_SESSION_ID}`,
          cancel_url: `${frontEnd}/billing/cancelled`,
        },
        key === undefined ? {} : { idempotencyKey: checkoutKey(userId, key) },
      ),
    );
    if (session.url === null) throw new Error(`Checkout session ${session.id} came without a page`);
    return { id: session.id, url: session.url, expiresAt: new Date(session.expires_at * 1000) };
  }

  /** Every subscription that the customer ever had. */
  async listSubscriptions(customerId: string): Promise<StripeSubscription[]> {
    return this.call(async () => {
      const subscriptions: StripeSubscription[] = [];
      for await (const subscription of this.sdk.subscriptions.list({
        customer: customerId,
        status: 'all',
        limit: 100,
      })) {
        subscriptions.push(toSubscription(subscription));
      }
      return subscriptions;
    });
  }

  /**
   * @param rawBody exactly the bytes that came
   * @throws AppError WEBHOOK_SIGNATURE_INVALID
   */
  verifyWebhook(rawBody: Buffer, signature: string): VerifiedEvent {
    let event: Stripe.Event;
    try {
      event = this.sdk.webhooks.constructEvent(
        rawBody,
        signature,
        this.env.STRIPE_WEBHOOK_SECRET,
        WEBHOOK_TOLERANCE_SECONDS,
      );
    } catch (error) {
      throw new AppError('WEBHOOK_SIGNATURE_INVALID', { cause: error });
    }
    return { id: event.id, type: event.type, customerId: customerOf(event.data.object) };
  }

  /** Any failure fails closed. Where Stripe is away, asking again helps; where it refuses us, a setting is wrong. */
  private async call<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error)) {
        throw new Error('Stripe refused us; look at STRIPE_SECRET_KEY and STRIPE_PRO_PRICE_ID', {
          cause: error,
        });
      }
      throw new AppError('PAYMENT_PROVIDER_UNAVAILABLE', {
        detail: 'You were not charged. Try again in a moment.',
        cause: error,
      });
    }
  }
}

function isOutage(error: unknown): boolean {
  const { StripeConnectionError, StripeAPIError, StripeRateLimitError } = Stripe.errors;
  return (
    error instanceof StripeConnectionError ||
    error instanceof StripeAPIError ||
    error instanceof StripeRateLimitError
  );
}

/** Stripe's keys are the account's, ours are a person's, and either may be 255 characters long. */
function checkoutKey(userId: string, key: string): string {
  return `checkout:${userId}:${createHash('sha256').update(key).digest('hex')}`;
}

function toSubscription(subscription: Stripe.Subscription): StripeSubscription {
  const item = subscription.items.data[0];
  if (item === undefined) throw new Error(`Subscription ${subscription.id} has no item`);
  return {
    id: subscription.id,
    status: subscription.status,
    createdAt: new Date(subscription.created * 1000),
    priceId: item.price.id,
    amount: item.price.unit_amount,
    currency: item.price.currency,
    currentPeriodStart: new Date(item.current_period_start * 1000),
    currentPeriodEnd: new Date(item.current_period_end * 1000),
    cancelAtPeriodEnd: subscription.cancel_at_period_end || endsWith(item.current_period_end, subscription),
  };
}

/**
 * The customer portal sets this date, and not the flag that says the same, when the billing mode is "flexible".
 * https://docs.stripe.com/billing/subscriptions/billing-mode/compare
 */
function endsWith(periodEnd: number, { cancel_at }: Stripe.Subscription): boolean {
  return cancel_at !== null && cancel_at <= periodEnd;
}

/** The customer that an event's object belongs to, for the kinds of objects that have one. */
function customerOf(object: object): string | null {
  if ('object' in object && object.object === 'customer' && 'id' in object) return String(object.id);
  if (!('customer' in object)) return null;
  const { customer } = object;
  if (typeof customer === 'string') return customer;
  return typeof customer === 'object' && customer !== null && 'id' in customer ? String(customer.id) : null;
}
