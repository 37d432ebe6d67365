import type { Stripe } from 'stripe';
import { type Amounts, withTax } from '../objects/amounts.js';
import { snapshot } from '../objects/make.js';
import { periodFrom } from '../objects/period.js';
import { planOf } from '../objects/price.js';
import { itemOf } from '../objects/subscription.js';
import { invalidRequest, noSuch } from '../stripe-api-error.js';
import type { Ledger } from './ledger.js';

export type SubscriptionChange = Partial<
  Pick<Stripe.Subscription, 'cancel_at' | 'cancel_at_period_end' | 'default_payment_method' | 'metadata'>
>;

type CancelReason = Stripe.Subscription.CancellationDetails.Reason;

/** What happens to a subscription, apart from being paid for. */
export class Subscriptions {
  constructor(private readonly ledger: Ledger) {}

  /** Changes it and tells what it was before; nothing is told where nothing changed. */
  change(subscription: Stripe.Subscription, act: (subscription: Stripe.Subscription) => void): void {
    const before = snapshot(subscription);
    act(subscription);
    const previous = differences(before, subscription);
    if (Object.keys(previous).length === 0) return;
    this.ledger.emit({
      type: 'customer.subscription.updated',
      data: { object: subscription, previous_attributes: previous },
    });
  }

  update(subscription: Stripe.Subscription, wanted: SubscriptionChange): void {
    const { cancel_at, cancel_at_period_end, default_payment_method, metadata } = wanted;
    if ([cancel_at, cancel_at_period_end, default_payment_method].some((value) => value !== undefined))
      requireLiving(subscription);
    this.change(subscription, () => {
      if (metadata) subscription.metadata = metadata;
      if (default_payment_method) subscription.default_payment_method = default_payment_method;
      if (cancel_at_period_end !== undefined) this.setCancelAtPeriodEnd(subscription, cancel_at_period_end);
      if (cancel_at !== undefined) {
        subscription.cancel_at_period_end = false;
        this.setCancelAt(subscription, cancel_at);
      }
    });
  }

  /** Any status, also one that Stripe may invent tomorrow. */
  setStatus(subscription: Stripe.Subscription, status: string): void {
    if (status === 'canceled') {
      this.cancel(subscription);
      return;
    }
    this.change(subscription, () => {
      subscription.status = status;
      subscription.ended_at = status === 'incomplete_expired' ? this.ledger.now() : null;
    });
    if (status === 'paused')
      this.ledger.emit({ type: 'customer.subscription.paused', data: { object: subscription } });
  }

  /** What is open of its invoices is not asked for any more. */
  cancel(subscription: Stripe.Subscription, reason: CancelReason = 'cancellation_requested'): void {
    // As Stripe: what is already cancelled can be read, but is not found to be cancelled once more.
    if (subscription.status === 'canceled') throw noSuch('subscription', subscription.id);
    const ended = this.ledger.now();
    Object.assign(subscription, {
      status: 'canceled',
      canceled_at: subscription.canceled_at ?? ended,
      ended_at: ended,
      cancellation_details: cancelledBy(reason),
    } satisfies Partial<Stripe.Subscription>);
    for (const invoice of this.ledger.invoicesOf(subscription.id)) {
      invoice.auto_advance = false;
      invoice.next_payment_attempt = null;
    }
    this.ledger.emit({ type: 'customer.subscription.deleted', data: { object: subscription } });
  }

  /**
   * Changes to another price. Where the interval is another too, a new period begins now, as at Stripe.
   *
   * @returns what was paid for and not used yet, and what the new price asks for now
   */
  changePrice(subscription: Stripe.Subscription, price: Stripe.Price): { unused: Amounts; due: Amounts } {
    requireLiving(subscription);
    const unused = this.unused(subscription);
    const trialing = subscription.status === 'trialing';
    const item = itemOf(subscription);
    this.change(subscription, () => {
      Object.assign(item, { price, plan: planOf(price) });
      if (trialing) return;
      subscription.billing_cycle_anchor = this.ledger.now();
      const { start, end } = periodFrom(this.ledger.now(), this.ledger.now(), price);
      Object.assign(item, { current_period_start: start, current_period_end: end });
      if (subscription.cancel_at_period_end) subscription.cancel_at = end;
    });
    const due = trialing ? 0 : (price.unit_amount ?? 0) * (item.quantity ?? 1);
    return { unused, due: withTax(due, 0, subscription.automatic_tax.enabled) };
  }

  /** The share of the period that is paid and still to come. */
  unused(subscription: Stripe.Subscription): Amounts {
    const {
      price,
      quantity = 1,
      current_period_start: start,
      current_period_end: end,
    } = itemOf(subscription);
    const left = subscription.status === 'active' ? Math.max(0, end - this.ledger.now()) / (end - start) : 0;
    const amount = Math.floor((price.unit_amount ?? 0) * quantity * left);
    return withTax(amount, 0, subscription.automatic_tax.enabled);
  }

  private setCancelAtPeriodEnd(subscription: Stripe.Subscription, cancel: boolean): void {
    if (subscription.cancel_at_period_end === cancel) return;
    subscription.cancel_at_period_end = cancel;
    this.setCancelAt(subscription, cancel ? itemOf(subscription).current_period_end : null);
  }

  private setCancelAt(subscription: Stripe.Subscription, at: number | null): void {
    subscription.cancel_at = at;
    subscription.canceled_at = at === null ? null : this.ledger.now();
    subscription.cancellation_details = cancelledBy(at === null ? null : 'cancellation_requested');
  }
}

function requireLiving({ status }: Stripe.Subscription): void {
  if (status !== 'canceled') return;
  throw invalidRequest('A canceled subscription can only update its cancellation_details and metadata.');
}

function cancelledBy(reason: CancelReason | null): Stripe.Subscription.CancellationDetails {
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
