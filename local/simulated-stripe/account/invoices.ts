import type { Stripe } from 'stripe';
import { type Bill, makeInvoice } from '../objects/invoice.js';
import { makeCharge, makeInvoicePayment, makeRefund } from '../objects/payment.js';
import { idOf } from '../objects/subscription.js';
import { invalidRequest, noSuch } from '../stripe-api-error.js';
import type { Ledger } from './ledger.js';

/** Invoices and the money that they move. What that does to the subscription is `Dunning`'s. */
export class Invoices {
  constructor(private readonly ledger: Ledger) {}

  /** A credit of the customer is used up first. */
  issue(bill: Omit<Bill, 'customer' | 'number'>): Stripe.Invoice {
    const { store, baseUrl } = this.ledger;
    const customer = this.ledger.getCustomer(idOf(bill.subscription.customer));
    const number = `SIM-${String(store.invoices.size + 1).padStart(4, '0')}`;
    const invoice = makeInvoice({ ...bill, customer, number }, this.ledger.now(), baseUrl);
    store.invoices.set(invoice.id, invoice);
    customer.balance = invoice.ending_balance ?? 0;
    if (invoice.amount_due > 0 && !bill.draft) {
      const payment = makeInvoicePayment(invoice);
      store.invoicePayments.set(payment.id, payment);
    }
    return invoice;
  }

  announceNew(invoice: Stripe.Invoice): void {
    this.ledger.emit({ type: 'invoice.created', data: { object: invoice } });
    if (invoice.status !== 'draft')
      this.ledger.emit({ type: 'invoice.finalized', data: { object: invoice } });
  }

  /** Tries to take the money. An invoice of nothing is paid without a payment. */
  charge(invoice: Stripe.Invoice): boolean {
    const at = this.ledger.now();
    const payment = this.ledger.paymentOf(invoice.id);
    const paid = !payment || this.ledger.store.cards.get(idOf(invoice.customer))?.pays === true;
    if (payment) {
      invoice.attempt_count += 1;
      const paymentIntent = idOf(payment.payment.payment_intent ?? null);
      const charge = makeCharge({ invoice, paymentIntent, paid }, at);
      this.ledger.store.charges.set(charge.id, charge);
    }
    invoice.attempted = true;
    if (!paid) return false;
    if (payment) {
      Object.assign(payment, { status: 'paid', amount_paid: invoice.amount_due });
      payment.status_transitions.paid_at = at;
    }
    Object.assign(invoice, {
      status: 'paid',
      amount_paid: invoice.amount_due,
      amount_remaining: 0,
      auto_advance: false,
      next_payment_attempt: null,
    } satisfies Partial<Stripe.Invoice>);
    invoice.status_transitions.paid_at = at;
    return true;
  }

  announceOutcome(invoice: Stripe.Invoice): void {
    const type = invoice.status === 'paid' ? 'invoice.paid' : 'invoice.payment_failed';
    this.ledger.emit({ type, data: { object: invoice } });
  }

  void(invoice: Stripe.Invoice): void {
    Object.assign(invoice, { status: 'void', auto_advance: false, next_payment_attempt: null });
    invoice.status_transitions.voided_at = this.ledger.now();
    this.ledger.emit({ type: 'invoice.voided', data: { object: invoice } });
  }

  /** The succeeded charge of a payment intent, or the charge itself. */
  getCharge({ charge, paymentIntent }: { charge?: string; paymentIntent?: string }): Stripe.Charge {
    const all = [...this.ledger.store.charges.values()];
    if (charge !== undefined) {
      const found = all.find(({ id }) => id === charge);
      if (found) return found;
      throw noSuch('charge', charge, 'charge');
    }
    const id = paymentIntent ?? '';
    const found = all.filter((each) => each.payment_intent === id);
    const paid = found.find((each) => each.paid);
    if (paid) return paid;
    if (found.length === 0) throw noSuch('payment_intent', id, 'payment_intent');
    throw invalidRequest(`This PaymentIntent (${id}) does not have a successful charge to refund.`);
  }

  refund(
    charge: Stripe.Charge,
    amount: number | undefined,
    given: Pick<Stripe.Refund, 'reason' | 'metadata'>,
  ): Stripe.Refund {
    const left = charge.amount - charge.amount_refunded;
    if (!charge.paid) throw invalidRequest(`Charge ${charge.id} was not paid.`, 'charge');
    if (left === 0) {
      const message = `Charge ${charge.id} has already been refunded.`;
      throw invalidRequest(message, undefined, 'charge_already_refunded');
    }
    if (amount !== undefined && amount > left)
      throw invalidRequest(`Refund amount (${amount}) is greater than unrefunded amount (${left})`, 'amount');
    const refund = makeRefund(charge, { ...given, amount: amount ?? left }, this.ledger.now());
    this.ledger.store.refunds.set(refund.id, refund);
    charge.amount_refunded += refund.amount;
    charge.refunded = charge.amount_refunded === charge.amount;
    this.ledger.emit({ type: 'charge.refunded', data: { object: charge } });
    this.ledger.emit({ type: 'refund.created', data: { object: refund } });
    return refund;
  }
}
