import { Injectable } from '@nestjs/common';
import type { Stripe } from 'stripe';
import { newId } from '../../common/id.js';
import { Env } from '../../config/env.js';
import { StripeApi, StripeMissing, StripeRefusal } from './stripe-api.js';
import { idOf, type StripeSubscription, toSubscription, unpaidSince } from './stripe-subscription.js';

const PAGE_MAX = 100;

/** What takes no more payments, whatever happens. */
const ENDED = new Set<string>(['canceled', 'incomplete_expired']);

/** What was given back; null where nothing was paid. */
export interface Refund {
  /** Minor units of `currency`. */
  amount: number;
  currency: string | null;
  /** False when Stripe would not give back all of it: for a person to look at. */
  complete: boolean;
}

/** Customers and their subscriptions at Stripe, in our types. */
@Injectable()
export class StripeClient {
  private proProducts: Promise<ReadonlySet<string>> | undefined;

  constructor(
    private readonly env: Env,
    private readonly api: StripeApi,
  ) {}

  /**
   * The same person gets the same customer, however often and in parallel this is called within 24 hours.
   *
   * @param instead of a customer who is gone: the key of that one would bring it back
   */
  async createCustomer(userId: string, mobile: string, instead?: string): Promise<string> {
    const idempotencyKey = ['customer', userId, instead].filter(Boolean).join(':');
    const customer = await this.api.call((sdk) =>
      sdk.customers.create({ phone: mobile, metadata: { userId } }, { idempotencyKey }),
    );
    return customer.id;
  }

  /**
   * Every subscription that the customer ever had.
   *
   * @throws StripeMissing when the customer is gone
   */
  async listSubscriptions(customerId: string): Promise<StripeSubscription[]> {
    const proProducts = await this.knowProProducts();
    const subscriptions = await this.api.call((sdk) =>
      sdk.subscriptions
        .list({ customer: customerId, status: 'all', limit: PAGE_MAX })
        .autoPagingToArray({ limit: 10_000 }),
    );
    return Promise.all(
      subscriptions.map(async (each) => {
        const subscription = toSubscription(each, proProducts);
        return subscription.grantsPro && subscription.status === 'past_due'
          ? { ...subscription, pastDueSince: await this.findUnpaidSince(each.id) }
          : subscription;
      }),
    );
  }

  /**
   * Ends everything of a customer: open checkouts, subscriptions (now, without a refund), the customer with what Stripe
   * knows of the person. Can be repeated: what has ended or is gone already is as it should be. There are no idempotency
   * keys: Stripe ignores them on DELETE, which is idempotent by itself. A checkout that is paid for meanwhile cannot be
   * expired, which is an error, and the next time finds its subscription.
   */
  async endCustomer(customerId: string): Promise<void> {
    const open = { customer: customerId, status: 'open', limit: PAGE_MAX } as const;
    await this.ifThere(async (sdk) => {
      for await (const { id } of sdk.checkout.sessions.list(open)) {
        await this.ifThere((stripe) => stripe.checkout.sessions.expire(id));
      }
    });
    const all = { customer: customerId, status: 'all', limit: PAGE_MAX } as const;
    await this.ifThere(async (sdk) => {
      for await (const { id, status } of sdk.subscriptions.list(all)) {
        if (!ENDED.has(status)) await this.ifThere((stripe) => stripe.subscriptions.cancel(id));
      }
    });
    await this.ifThere((sdk) => sdk.customers.del(customerId));
  }

  /** Setting what is set already changes nothing, so each call has a key of its own, for its retries alone. */
  async cancelAtPeriodEnd(subscriptionId: string): Promise<void> {
    await this.update(subscriptionId, { cancel_at_period_end: true });
  }

  async resume({ id, endsBy }: StripeSubscription): Promise<void> {
    await this.update(id, endsBy === 'date' ? { cancel_at: '' } : { cancel_at_period_end: false });
  }

  /** Ends a subscription at once and gives back whatever was paid for it. May be called again after a crash. */
  async cancelAndRefund(subscriptionId: string): Promise<Refund> {
    await this.cancelNow(subscriptionId);
    const refund: Refund = { amount: 0, currency: null, complete: true };
    for (const payment of await this.listPayments(subscriptionId)) {
      const given = await this.refund(payment);
      refund.amount += given?.amount ?? 0;
      refund.currency = given?.currency ?? refund.currency;
      refund.complete &&= given !== null;
    }
    return refund;
  }

  /** What Stripe does not have (any more) is as it should be. */
  private async ifThere(work: (sdk: Stripe) => Promise<unknown>): Promise<void> {
    try {
      await this.api.call(work);
    } catch (error) {
      if (!(error instanceof StripeMissing)) throw error;
    }
  }

  private async update(id: string, changes: Stripe.SubscriptionUpdateParams): Promise<void> {
    await this.api.call((sdk) => sdk.subscriptions.update(id, changes, { idempotencyKey: newId() }));
  }

  private async cancelNow(id: string): Promise<void> {
    const options = { idempotencyKey: `duplicate-cancel:${id}` };
    try {
      await this.api.call((sdk) =>
        sdk.subscriptions.cancel(id, { invoice_now: false, prorate: false }, options),
      );
    } catch (error) {
      // It has ended before, perhaps by us.
      if (!(error instanceof StripeMissing)) throw error;
    }
  }

  /** The payment intents of what was paid: since API "basil", an invoice knows them by its payments alone. */
  private async listPayments(subscription: string): Promise<string[]> {
    return this.api.call(async (sdk) => {
      const payments: string[] = [];
      for await (const { id: invoice } of sdk.invoices.list({
        subscription,
        status: 'paid',
        limit: PAGE_MAX,
      })) {
        for await (const { payment } of sdk.invoicePayments.list({
          invoice,
          status: 'paid',
          limit: PAGE_MAX,
        })) {
          if (payment.payment_intent !== undefined) payments.push(idOf(payment.payment_intent));
        }
      }
      return payments;
    });
  }

  /** Null when Stripe would not. A payment is given back once, however often this is called. */
  private async refund(paymentIntent: string): Promise<{ amount: number; currency: string } | null> {
    try {
      const { amount, currency } = await this.api.call((sdk) =>
        sdk.refunds.create(
          { payment_intent: paymentIntent, reason: 'duplicate' },
          { idempotencyKey: `duplicate-refund:${paymentIntent}` },
        ),
      );
      return { amount, currency };
    } catch (error) {
      if (!(error instanceof StripeRefusal)) throw error;
      return error.code === 'charge_already_refunded' ? { amount: 0, currency: '' } : null;
    }
  }

  private async findUnpaidSince(subscription: string): Promise<Date | null> {
    const { data } = await this.api.call((sdk) => sdk.invoices.list({ subscription, limit: PAGE_MAX }));
    return unpaidSince(data);
  }

  /** The products of the prices that Pro is sold at. A price never changes its product: asked for once. */
  private knowProProducts(): Promise<ReadonlySet<string>> {
    this.proProducts ??= this.findProProducts().catch((error: unknown) => {
      this.proProducts = undefined;
      throw error;
    });
    return this.proProducts;
  }

  private async findProProducts(): Promise<ReadonlySet<string>> {
    const ids = [this.env.STRIPE_PRO_PRICE_ID, this.env.STRIPE_PRO_YEARLY_PRICE_ID];
    const prices = ids.filter((id) => id !== undefined);
    try {
      const found = await this.api.call((sdk) => Promise.all(prices.map((id) => sdk.prices.retrieve(id))));
      return new Set(found.map(({ product }) => idOf(product)));
    } catch (error) {
      if (error instanceof StripeMissing) throw new StripeRefusal('resource_missing', { cause: error });
      throw error;
    }
  }
}
