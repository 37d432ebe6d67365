import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Stripe } from 'stripe';
import { Env } from '../../config/env.js';
import { StripeApi, StripeMissing, StripeRefusal } from './stripe-api.js';
import { dateOf, idOf } from './stripe-subscription.js';

/** Longer than a call that Stripe is late with; how long one that it failed stays failed. */
const KEY_MS = 600_000;
const SESSION_ID = /^cs_\w{1,200}$/;

/** What a person is offered. */
export interface CheckoutOffer {
  customerId: string;
  userId: string;
  priceId: string;
  /** 0: none. */
  trialDays: number;
}

export interface CheckoutSession {
  id: string;
  /** open, complete, expired. */
  status: string;
  /** paid, unpaid, no_payment_required. */
  paymentStatus: string;
  /** Stripe's hosted page; null when it cannot be paid on any more. */
  url: string | null;
  expiresAt: Date;
  customerId: string | null;
  userId: string | null;
  /** What was offered, in short: sessions with the same terms are the same to a person. */
  terms: string | null;
}

/** The pages of Stripe's that people are sent to: to pay, and to manage what they pay. */
@Injectable()
export class StripeCheckoutClient {
  private readonly frontEnd: string;

  constructor(
    private readonly env: Env,
    private readonly api: StripeApi,
  ) {
    this.frontEnd = env.FRONTEND_URL.replace(/\/+$/, '');
  }

  termsOf(offer: CheckoutOffer): string {
    return createHash('sha256')
      .update(JSON.stringify(this.paramsOf(offer)))
      .digest('hex')
      .slice(0, 32);
  }

  /**
   * Opens the session that comes after `newest`: until Stripe shows another, asking again is answered with the same
   * one, even where the first answer was lost or its effect came late. Only for minutes, because Stripe answers a key
   * with the same failure, too.
   */
  async open(offer: CheckoutOffer, newest: string | undefined): Promise<CheckoutSession> {
    const terms = this.termsOf(offer);
    const params = { ...this.paramsOf(offer), metadata: { userId: offer.userId, terms } };
    const period = Math.floor(Date.now() / KEY_MS);
    const idempotencyKey = `checkout:${offer.customerId}:${terms}:${newest ?? 'first'}:${period}`;
    return this.api.call(async (sdk) =>
      toSession(await sdk.checkout.sessions.create(params, { idempotencyKey })),
    );
  }

  /** The newest hundred, newest first: sessions are open for a day, and one at a time. */
  list(customerId: string): Promise<CheckoutSession[]> {
    return this.api.call(async (sdk) => {
      const { data } = await sdk.checkout.sessions.list({ customer: customerId, limit: 100 });
      return data.map(toSession);
    });
  }

  /** Null when there is no such session. */
  async find(id: string): Promise<CheckoutSession | null> {
    if (!SESSION_ID.test(id)) return null;
    try {
      return await this.api.call(async (sdk) => toSession(await sdk.checkout.sessions.retrieve(id)));
    } catch (error) {
      if (error instanceof StripeMissing) return null;
      throw error;
    }
  }

  /** @returns false when it was not open any more: it may have been paid just now */
  async expire(id: string): Promise<boolean> {
    try {
      await this.api.call((sdk) => sdk.checkout.sessions.expire(id, {}, { idempotencyKey: `expire:${id}` }));
      return true;
    } catch (error) {
      if (error instanceof StripeRefusal) return false;
      throw error;
    }
  }

  /**
   * The customer portal, for a few minutes.
   *
   * @throws StripeMissing when the customer is gone
   */
  async openPortal(customerId: string): Promise<string> {
    const { url } = await this.api.call((sdk) =>
      sdk.billingPortal.sessions.create({ customer: customerId, return_url: this.env.FRONTEND_URL }),
    );
    return url;
  }

  private paramsOf({ customerId, userId, priceId, trialDays }: CheckoutOffer) {
    return {
      mode: 'subscription',
      customer: customerId,
      client_reference_id: userId,
      line_items: [{ price: priceId, quantity: 1 }],
      subscription_data: {
        metadata: { userId },
        ...(trialDays > 0 && { trial_period_days: trialDays }),
      },
      success_url: `${this.frontEnd}/billing/success?session_id={CHECKOUT_SESSION_ID}`,
      cancel_url: `${this.frontEnd}/billing/cancelled`,
      ...(this.env.STRIPE_PROMOTION_CODES && { allow_promotion_codes: true }),
      // For a tax there has to be an address, and we ask for none: Checkout does, and keeps it.
      ...(this.env.STRIPE_AUTOMATIC_TAX && {
        automatic_tax: { enabled: true },
        customer_update: { address: 'auto' as const },
      }),
    } satisfies Stripe.Checkout.SessionCreateParams;
  }
}

function toSession(session: Stripe.Checkout.Session): CheckoutSession {
  return {
    id: session.id,
    status: session.status ?? 'open',
    paymentStatus: session.payment_status,
    url: session.url,
    expiresAt: dateOf(session.expires_at),
    customerId: session.customer === null ? null : idOf(session.customer),
    userId: session.client_reference_id,
    terms: session.metadata?.terms ?? null,
  };
}
