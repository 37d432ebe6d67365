import type { Stripe } from 'stripe';
import { type Happening, makeEvent } from '../objects/event.js';
import { idOf } from '../objects/subscription.js';
import type { CheckoutOrder, Store } from '../store.js';
import { noSuch } from '../stripe-api-error.js';

/**
 * What there is, what time it is, and what was told of it. `get…` throws Stripe's "No such …"; `param` names the request
 * parameter the id came from.
 */
export class Ledger {
  private moment: number | undefined;

  constructor(
    readonly store: Store,
    private readonly prices: readonly Stripe.Price[],
    readonly baseUrl: string,
    private readonly onEvent: (event: Stripe.Event) => void,
  ) {}

  /** Stripe's clock: whole seconds since 1970, ahead of the machine's by what was advanced. */
  now(): number {
    return this.moment ?? Math.floor(Date.now() / 1000) + this.store.settings.secondsAhead;
  }

  /** Does something at its own moment in the past: what fell due while nobody looked. */
  at(moment: number, act: () => void): void {
    this.moment = moment;
    try {
      act();
    } finally {
      this.moment = undefined;
    }
  }

  emit(happening: Happening): void {
    const event = makeEvent(happening, this.now());
    this.store.events.push(event);
    this.onEvent(event);
  }

  getPrice(id: string, param?: string): Stripe.Price {
    const price = this.prices.find((each) => each.id === id);
    if (price) return price;
    throw noSuch('price', id, param);
  }

  /** The one that a person can change to. */
  otherPrice(price: Stripe.Price): Stripe.Price | undefined {
    return this.prices.find((each) => each.id !== price.id);
  }

  getCustomer(id: string, param?: string): Stripe.Customer {
    return get(this.store.customers, 'customer', id, param);
  }

  /** A deleted customer can still be looked at, so that its history can be. */
  getCustomerOrDeleted(id: string, param?: string): Stripe.Customer | Stripe.DeletedCustomer {
    return this.store.deletedCustomers.get(id) ?? this.getCustomer(id, param);
  }

  getSubscription(id: string, param?: string): Stripe.Subscription {
    return get(this.store.subscriptions, 'subscription', id, param);
  }

  getInvoice(id: string, param?: string): Stripe.Invoice {
    return get(this.store.invoices, 'invoice', id, param);
  }

  getOrder(sessionId: string): CheckoutOrder {
    return get(this.store.orders, 'checkout.session', sessionId);
  }

  subscriptionsOf(customer: string): Stripe.Subscription[] {
    return [...this.store.subscriptions.values()].filter((each) => idOf(each.customer) === customer);
  }

  invoicesOf(subscription: string): Stripe.Invoice[] {
    return [...this.store.invoices.values()].filter(
      ({ parent }) => idOf(parent?.subscription_details?.subscription ?? null) === subscription,
    );
  }

  paymentOf(invoice: string): Stripe.InvoicePayment | undefined {
    return [...this.store.invoicePayments.values()].find((each) => idOf(each.invoice) === invoice);
  }
}

function get<T>(rows: Map<string, T>, what: string, id: string, param?: string): T {
  const row = rows.get(id);
  if (row !== undefined) return row;
  throw noSuch(what, id, param);
}
