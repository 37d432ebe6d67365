import type { Stripe } from 'stripe';
import { type Amounts, NOTHING_DUE } from '../objects/amounts.js';
import { type CustomerFields, makeCustomer } from '../objects/customer.js';
import { makePortalSession } from '../objects/portal-session.js';
import { idOf, itemOf } from '../objects/subscription.js';
import { invalidRequest } from '../stripe-api-error.js';
import { Checkouts } from './checkouts.js';
import { Dunning } from './dunning.js';
import { Invoices } from './invoices.js';
import type { Ledger } from './ledger.js';
import { PassingOfTime } from './passing-of-time.js';
import { Subscriptions } from './subscriptions.js';

/** What can happen in the account, whoever causes it: the app through the API, a person on the hosted page, a test. */
export class StripeAccount {
  readonly subscriptions: Subscriptions;
  readonly invoices: Invoices;
  readonly dunning: Dunning;
  readonly checkouts: Checkouts;
  readonly time: PassingOfTime;

  constructor(readonly ledger: Ledger) {
    this.subscriptions = new Subscriptions(ledger);
    this.invoices = new Invoices(ledger);
    this.dunning = new Dunning(ledger, this.invoices, this.subscriptions);
    this.checkouts = new Checkouts(ledger, this.invoices);
    this.time = new PassingOfTime(ledger, this.checkouts, this.invoices, this.subscriptions, this.dunning);
  }

  createCustomer(given: CustomerFields): Stripe.Customer {
    const customer = makeCustomer(given, this.ledger.now());
    this.ledger.store.customers.set(customer.id, customer);
    return customer;
  }

  /** Its subscriptions end at once, and can still be looked at. */
  deleteCustomer(customer: Stripe.Customer): Stripe.DeletedCustomer {
    const { store } = this.ledger;
    for (const subscription of this.ledger.subscriptionsOf(customer.id)) {
      if (!['canceled', 'incomplete_expired'].includes(subscription.status))
        this.subscriptions.cancel(subscription);
    }
    const deleted: Stripe.DeletedCustomer = { id: customer.id, object: 'customer', deleted: true };
    store.customers.delete(customer.id);
    store.cards.delete(customer.id);
    store.deletedCustomers.set(customer.id, deleted);
    this.ledger.emit({ type: 'customer.deleted', data: { object: customer } });
    return deleted;
  }

  openPortal(customer: string, returnUrl: string | null): Stripe.BillingPortal.Session {
    const session = makePortalSession(customer, returnUrl, this.ledger.now(), this.ledger.baseUrl);
    this.ledger.store.portalSessions.set(session.id, session);
    return session;
  }

  /** What is open is asked for with the new card at the next attempt, or when a person pays the invoice. */
  changeCard(customer: Stripe.Customer, kind: 'works' | 'fails'): void {
    const card = this.checkouts.keepCard(customer, kind);
    for (const subscription of this.ledger.subscriptionsOf(customer.id)) {
      if (subscription.status !== 'canceled')
        this.subscriptions.update(subscription, { default_payment_method: card });
    }
  }

  /** The new price is asked for at once, less what was paid for the old one and not used. */
  changePrice(subscription: Stripe.Subscription, price: Stripe.Price): void {
    if (itemOf(subscription).price.id === price.id) return;
    const { unused, due } = this.subscriptions.changePrice(subscription, price);
    this.credit(subscription, unused.total);
    if (due.total > 0) this.bill(subscription, due);
  }

  /** A paused subscription goes on with a new period, which is asked for at once. */
  resume(subscription: Stripe.Subscription): void {
    if (subscription.status !== 'paused')
      throw invalidRequest(`Only paused subscriptions can be resumed; this one is ${subscription.status}.`);
    const { due } = this.subscriptions.changePrice(subscription, itemOf(subscription).price);
    this.subscriptions.setStatus(subscription, 'active');
    this.ledger.emit({ type: 'customer.subscription.resumed', data: { object: subscription } });
    this.bill(subscription, due);
  }

  /** @param credited what was paid for and not used becomes the customer's credit, told of by an invoice of nothing */
  cancelNow(subscription: Stripe.Subscription, credited: boolean): void {
    const { total } = this.subscriptions.unused(subscription);
    this.subscriptions.cancel(subscription);
    if (!credited || total === 0) return;
    this.credit(subscription, total);
    const at = this.ledger.now();
    const invoice = this.invoices.issue({
      subscription,
      reason: 'subscription_update',
      amounts: NOTHING_DUE,
      period: { start: at, end: at },
      draft: false,
    });
    this.invoices.announceNew(invoice);
    this.dunning.collect(invoice);
  }

  private bill(subscription: Stripe.Subscription, amounts: Amounts): void {
    const { current_period_start: start, current_period_end: end } = itemOf(subscription);
    const period = { start, end };
    const reason = 'subscription_update';
    const invoice = this.invoices.issue({ subscription, reason, amounts, period, draft: false });
    this.invoices.announceNew(invoice);
    this.subscriptions.change(subscription, () => {
      subscription.latest_invoice = invoice.id;
    });
    this.dunning.collect(invoice);
  }

  private credit({ customer }: Stripe.Subscription, amount: number): void {
    this.ledger.getCustomer(idOf(customer)).balance -= amount;
  }
}
