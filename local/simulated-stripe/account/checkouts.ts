import type { Stripe } from 'stripe';
import { type Amounts, amountsOf, NOTHING_DUE } from '../objects/amounts.js';
import { makeSession, sessionAmounts, type SessionTerms } from '../objects/checkout-session.js';
import { makeCustomer } from '../objects/customer.js';
import { newId } from '../objects/make.js';
import { makeSubscription } from '../objects/subscription.js';
import type { CheckoutOrder } from '../store.js';
import { invalidRequest } from '../stripe-api-error.js';
import type { Invoices } from './invoices.js';
import type { Ledger } from './ledger.js';

/** The one promotion code that there is. */
export const PROMOTION_CODE = 'WELCOME20';
const PROMOTION_PERCENT = 20;

/**
 * How a person pays. `works` and `fails-later` pay now, and the second never again; `unfinished` is a payment that the
 * bank has not confirmed yet; `none` leaves no card, which a trial may do without.
 */
export type PaysWith = 'works' | 'fails-later' | 'unfinished' | 'none';

export class Checkouts {
  constructor(
    private readonly ledger: Ledger,
    private readonly invoices: Invoices,
  ) {}

  open(
    terms: Omit<SessionTerms, 'amounts' | 'currency'>,
    order: Omit<CheckoutOrder, 'session' | 'percentOff'>,
  ): Stripe.Checkout.Session {
    const price = this.ledger.getPrice(order.priceId);
    const amounts = order.trialDays ? NOTHING_DUE : amountsOf(price, order.quantity, { taxed: terms.taxed });
    const { baseUrl, store } = this.ledger;
    const session = makeSession({ ...terms, amounts, currency: price.currency }, this.ledger.now(), baseUrl);
    store.orders.set(session.id, { ...order, session, percentOff: 0 });
    return session;
  }

  expire(session: Stripe.Checkout.Session): void {
    if (session.status !== 'open') {
      throw invalidRequest(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${session.status}.`,
      );
    }
    session.status = 'expired';
    session.url = null;
    this.ledger.emit({ type: 'checkout.session.expired', data: { object: session } });
  }

  /** @returns whether there is such a code */
  applyPromotionCode(order: CheckoutOrder, code: string): boolean {
    if (!order.session.allow_promotion_codes || code.trim().toUpperCase() !== PROMOTION_CODE) return false;
    order.percentOff = PROMOTION_PERCENT;
    order.session.discounts = [{ coupon: 'simulated_welcome', promotion_code: 'promo_simulated_welcome' }];
    Object.assign(order.session, sessionAmounts(this.dueToday(order)));
    return true;
  }

  /** What is due once the trial is over, or now. */
  priceOf({ priceId, quantity, percentOff, session }: CheckoutOrder): Amounts {
    const taxed = session.automatic_tax.enabled;
    return amountsOf(this.ledger.getPrice(priceId), quantity, { percentOff, taxed });
  }

  /** The person went through with it: a subscription starts, and its events are made in this order. */
  complete(order: CheckoutOrder, paysWith: PaysWith = 'works'): void {
    const { session } = order;
    const customer = this.customerOf(session);
    const finished = paysWith !== 'unfinished' || order.trialDays !== undefined;
    this.keepCard(customer, paysWith === 'unfinished' ? 'works' : paysWith);
    const subscription = this.subscribe(order, customer, finished);
    const invoice = this.invoices.issue({
      subscription,
      reason: 'subscription_create',
      amounts: this.dueToday(order),
      period: { start: subscription.created, end: subscription.trial_end ?? subscription.created },
      draft: false,
    });
    subscription.latest_invoice = invoice.id;
    if (finished) this.invoices.charge(invoice);
    // Whatever pays now and not again.
    if (paysWith === 'fails-later') this.keepCard(customer, 'fails');
    Object.assign(session, {
      customer: customer.id,
      customer_details: detailsOf(customer),
      invoice: invoice.id,
      payment_status: !finished ? 'unpaid' : order.trialDays ? 'no_payment_required' : 'paid',
      status: 'complete',
      subscription: subscription.id,
      url: null,
    } satisfies Partial<Stripe.Checkout.Session>);
    this.ledger.emit({ type: 'customer.subscription.created', data: { object: subscription } });
    this.ledger.emit({ type: 'checkout.session.completed', data: { object: session } });
    if (finished) this.invoices.announceOutcome(invoice);
  }

  keepCard(customer: Stripe.Customer, kind: 'works' | 'fails' | 'fails-later' | 'none'): string | null {
    if (kind === 'none') return null;
    const card = {
      customer: customer.id,
      id: newId('pm'),
      last4: kind === 'works' ? '4242' : '0341',
      pays: kind !== 'fails',
    };
    this.ledger.store.cards.set(customer.id, card);
    return card.id;
  }

  private subscribe(
    { session, priceId, quantity, subscriptionMetadata, ...order }: CheckoutOrder,
    customer: Stripe.Customer,
    finished: boolean,
  ): Stripe.Subscription {
    const { store } = this.ledger;
    const subscription = makeSubscription(
      {
        customer: customer.id,
        price: this.ledger.getPrice(priceId),
        quantity,
        metadata: subscriptionMetadata,
        trialDays: order.trialDays,
        taxed: session.automatic_tax.enabled,
        paymentMethod: store.cards.get(customer.id)?.id ?? null,
        missingPaymentMethod: order.missingPaymentMethod,
        status: order.trialDays ? 'trialing' : finished ? 'active' : 'incomplete',
      },
      this.ledger.now(),
    );
    store.subscriptions.set(subscription.id, subscription);
    return subscription;
  }

  private dueToday(order: CheckoutOrder): Amounts {
    return order.trialDays ? NOTHING_DUE : this.priceOf(order);
  }

  private customerOf(session: Stripe.Checkout.Session): Stripe.Customer {
    if (typeof session.customer === 'string') return this.ledger.getCustomer(session.customer);
    const fields = { name: null, phone: null, description: null, metadata: {}, preferred_locales: [] };
    const customer = makeCustomer({ ...fields, email: session.customer_email }, this.ledger.now());
    this.ledger.store.customers.set(customer.id, customer);
    return customer;
  }
}

function detailsOf(customer: Stripe.Customer): Stripe.Checkout.Session.CustomerDetails {
  return {
    ...{ address: null, business_name: null, individual_name: null, tax_exempt: 'none', tax_ids: [] },
    email: customer.email,
    name: customer.name ?? null,
    phone: customer.phone ?? null,
  };
}
