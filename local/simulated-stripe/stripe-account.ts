import type { Stripe } from 'stripe';
import { makeSession, type SessionTerms } from './objects/checkout-session.js';
import { makeCustomer } from './objects/customer.js';
import { type Happening, makeEvent } from './objects/event.js';
import { makePaidInvoice } from './objects/invoice.js';
import { now } from './objects/make.js';
import { makeSubscription } from './objects/subscription.js';
import type { CheckoutOrder, Store } from './store.js';
import { invalidRequest, noSuch } from './stripe-api-error.js';

/**
 * What can happen in the account, whoever causes it: the app through the API, a person on the hosted page, a test.
 * `get…` throws Stripe's "No such …"; `param` names the request parameter the id came from.
 */
export class StripeAccount {
  constructor(
    readonly store: Store,
    private readonly proPrice: Stripe.Price,
    private readonly baseUrl: string,
    private readonly onEvent: (event: Stripe.Event) => void,
  ) {}

  getPrice(id: string, param?: string): Stripe.Price {
    if (id === this.proPrice.id) return this.proPrice;
    throw noSuch('price', id, param);
  }

  getCustomer(id: string, param?: string): Stripe.Customer {
    const customer = this.store.customers.get(id);
    if (customer) return customer;
    throw noSuch('customer', id, param);
  }

  getSubscription(id: string): Stripe.Subscription {
    const subscription = this.store.subscriptions.get(id);
    if (subscription) return subscription;
    throw noSuch('subscription', id);
  }

  getOrder(sessionId: string): CheckoutOrder {
    this.expireOldSessions();
    const order = this.store.orders.get(sessionId);
    if (order) return order;
    throw noSuch('checkout.session', sessionId);
  }

  listSessions(): Stripe.Checkout.Session[] {
    this.expireOldSessions();
    return [...this.store.orders.values()].map((order) => order.session);
  }

  createCustomer(given: Parameters<typeof makeCustomer>[0]): Stripe.Customer {
    const customer = makeCustomer(given);
    this.store.customers.set(customer.id, customer);
    return customer;
  }

  openCheckout(
    terms: Omit<SessionTerms, 'amount' | 'currency'>,
    order: Omit<CheckoutOrder, 'session'>,
  ): Stripe.Checkout.Session {
    const price = this.getPrice(order.priceId);
    const amount = (price.unit_amount ?? 0) * order.quantity;
    const session = makeSession({ ...terms, amount, currency: price.currency }, this.baseUrl);
    this.store.orders.set(session.id, { ...order, session });
    return session;
  }

  /** The person paid: a subscription starts, and the three events of it are made in this order. */
  pay({ session, priceId, quantity, subscriptionMetadata }: CheckoutOrder): void {
    const customer = this.customerOf(session);
    const price = this.getPrice(priceId);
    const subscription = makeSubscription({
      customer: customer.id,
      price,
      quantity,
      metadata: subscriptionMetadata,
    });
    const invoice = makePaidInvoice(subscription, customer, session.amount_total ?? 0);
    subscription.latest_invoice = invoice.id;
    this.store.subscriptions.set(subscription.id, subscription);
    this.store.invoices.set(invoice.id, invoice);
    Object.assign(session, {
      customer: customer.id,
      customer_details: {
        ...{ address: null, business_name: null, individual_name: null, tax_exempt: 'none', tax_ids: [] },
        email: customer.email,
        name: customer.name ?? null,
        phone: customer.phone ?? null,
      },
      invoice: invoice.id,
      payment_status: 'paid',
      status: 'complete',
      subscription: subscription.id,
      url: null,
    } satisfies Partial<Stripe.Checkout.Session>);
    this.emit({ type: 'customer.subscription.created', data: { object: subscription } });
    this.emit({ type: 'checkout.session.completed', data: { object: session } });
    this.emit({ type: 'invoice.paid', data: { object: invoice } });
  }

  expireSession(session: Stripe.Checkout.Session): void {
    if (session.status !== 'open') {
      throw invalidRequest(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${session.status}.`,
      );
    }
    session.status = 'expired';
    session.url = null;
    this.emit({ type: 'checkout.session.expired', data: { object: session } });
  }

  updateSubscription(
    subscription: Stripe.Subscription,
    wanted: Partial<Pick<Stripe.Subscription, 'cancel_at' | 'cancel_at_period_end' | 'metadata'>>,
  ): void {
    if (subscription.status === 'canceled') {
      throw invalidRequest('A canceled subscription can only update its cancellation_details and metadata.');
    }
    const before = { ...subscription };
    if (wanted.metadata) subscription.metadata = wanted.metadata;
    if (wanted.cancel_at_period_end !== undefined)
      setCancelAtPeriodEnd(subscription, wanted.cancel_at_period_end);
    if (wanted.cancel_at !== undefined) {
      subscription.cancel_at_period_end = false;
      setCancelAt(subscription, wanted.cancel_at);
    }
    const previous = differences(before, subscription);
    if (Object.keys(previous).length === 0) return;
    this.emit({
      type: 'customer.subscription.updated',
      data: { object: subscription, previous_attributes: previous },
    });
  }

  cancelSubscription(subscription: Stripe.Subscription): void {
    // As Stripe: what is already cancelled can be read, but is not found to be cancelled once more.
    if (subscription.status === 'canceled') throw noSuch('subscription', subscription.id);
    const ended = now();
    Object.assign(subscription, {
      status: 'canceled',
      canceled_at: subscription.canceled_at ?? ended,
      ended_at: ended,
      cancellation_details: cancelledBy('cancellation_requested'),
    } satisfies Partial<Stripe.Subscription>);
    this.emit({ type: 'customer.subscription.deleted', data: { object: subscription } });
  }

  private customerOf(session: Stripe.Checkout.Session): Stripe.Customer {
    if (typeof session.customer === 'string') return this.getCustomer(session.customer);
    return this.createCustomer({
      email: session.customer_email,
      name: null,
      phone: null,
      description: null,
      metadata: {},
    });
  }

  /** Checked when sessions are looked at: nobody can tell it from a timer, and a timer would need stopping. */
  private expireOldSessions(): void {
    for (const { session } of this.store.orders.values()) {
      if (session.status === 'open' && session.expires_at <= now()) this.expireSession(session);
    }
  }

  private emit(happening: Happening): void {
    const event = makeEvent(happening);
    this.store.events.push(event);
    this.onEvent(event);
  }
}

function setCancelAtPeriodEnd(subscription: Stripe.Subscription, cancel: boolean): void {
  if (subscription.cancel_at_period_end === cancel) return;
  subscription.cancel_at_period_end = cancel;
  setCancelAt(subscription, cancel ? (subscription.items.data[0]?.current_period_end ?? null) : null);
}

function setCancelAt(subscription: Stripe.Subscription, at: number | null): void {
  subscription.cancel_at = at;
  subscription.canceled_at = at === null ? null : now();
  subscription.cancellation_details = cancelledBy(at === null ? null : 'cancellation_requested');
}

function cancelledBy(
  reason: Stripe.Subscription.CancellationDetails.Reason | null,
): Stripe.Subscription.CancellationDetails {
  return { comment: null, feedback: null, feedback_option: null, reason };
}

/** The fields of `before` that `after` no longer has the same: what Stripe calls previous_attributes. */
function differences(before: Stripe.Subscription, after: Stripe.Subscription): Partial<Stripe.Subscription> {
  const now = new Map<string, unknown>(Object.entries(after));
  return Object.fromEntries(
    Object.entries(before).filter(
      ([field, value]) => JSON.stringify(value) !== JSON.stringify(now.get(field)),
    ),
  );
}
