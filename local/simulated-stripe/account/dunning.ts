import type { Stripe } from 'stripe';
import { subscriptionIdOf } from '../objects/invoice.js';
import { DAY } from '../objects/period.js';
import type { Invoices } from './invoices.js';
import type { Ledger } from './ledger.js';
import type { Subscriptions } from './subscriptions.js';

/** Takes the money of invoices, and what comes of it where that succeeds and where it fails. */
export class Dunning {
  constructor(
    private readonly ledger: Ledger,
    private readonly invoices: Invoices,
    private readonly subscriptions: Subscriptions,
  ) {}

  /** Tries to take the money now: when the invoice falls due, again and again, and when a person asks for it. */
  collect(invoice: Stripe.Invoice): boolean {
    const paid = this.invoices.charge(invoice);
    const subscription = this.ledger.getSubscription(subscriptionIdOf(invoice) ?? '');
    if (!paid) this.planRetry(invoice, subscription);
    this.invoices.announceOutcome(invoice);
    if (subscription.status === 'canceled') return paid;
    if (paid) this.recover(subscription);
    else this.fall(subscription, invoice);
    return paid;
  }

  private planRetry(invoice: Stripe.Invoice, { status }: Stripe.Subscription): void {
    const first = invoice.status_transitions.finalized_at ?? this.ledger.now();
    const days = this.ledger.store.settings.dunning.retryDays[invoice.attempt_count - 1];
    const again = days !== undefined && status !== 'incomplete' && status !== 'canceled';
    invoice.next_payment_attempt = again ? first + days * DAY : null;
  }

  /** Who has paid what was still open is served again. */
  private recover(subscription: Stripe.Subscription): void {
    if (!['incomplete', 'past_due', 'unpaid'].includes(subscription.status)) return;
    if (this.ledger.invoicesOf(subscription.id).some(({ status }) => status === 'open')) return;
    this.subscriptions.setStatus(subscription, 'active');
    for (const { session } of this.ledger.store.orders.values()) {
      if (session.subscription !== subscription.id || session.payment_status !== 'unpaid') continue;
      session.payment_status = 'paid';
      this.ledger.emit({ type: 'checkout.session.async_payment_succeeded', data: { object: session } });
    }
  }

  private fall(subscription: Stripe.Subscription, invoice: Stripe.Invoice): void {
    if (subscription.status === 'incomplete') return;
    if (invoice.next_payment_attempt !== null) {
      if (subscription.status !== 'unpaid') this.subscriptions.setStatus(subscription, 'past_due');
      return;
    }
    const { then } = this.ledger.store.settings.dunning;
    if (then === 'canceled') this.subscriptions.cancel(subscription, 'payment_failed');
    else this.subscriptions.setStatus(subscription, then);
  }
}
