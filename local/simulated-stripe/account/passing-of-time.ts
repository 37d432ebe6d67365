import type { Stripe } from 'stripe';
import { amountsOf } from '../objects/amounts.js';
import { DAY, periodFrom } from '../objects/period.js';
import { idOf, itemOf } from '../objects/subscription.js';
import type { Checkouts } from './checkouts.js';
import type { Dunning } from './dunning.js';
import type { Invoices } from './invoices.js';
import type { Ledger } from './ledger.js';
import type { Subscriptions } from './subscriptions.js';

/** https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses */
const INCOMPLETE_SECONDS = 23 * 60 * 60;
/** https://docs.stripe.com/api/events/types#event_types-customer.subscription.trial_will_end */
const TRIAL_REMINDER_SECONDS = 3 * DAY;

interface Due {
  at: number;
  act: () => void;
}

/** What happens because its time has come. Nothing runs by itself: it is caught up with whenever somebody looks. */
export class PassingOfTime {
  /** The second, and the newest event, when nothing was due. */
  private caughtUpWith: string | undefined;

  constructor(
    private readonly ledger: Ledger,
    private readonly checkouts: Checkouts,
    private readonly invoices: Invoices,
    private readonly subscriptions: Subscriptions,
    private readonly dunning: Dunning,
  ) {}

  advance(seconds: number): void {
    this.ledger.store.settings.secondsAhead += seconds;
    this.catchUp();
  }

  /**
   * One thing after the other, each at its own moment, so that what it brings about falls due in turn. Nothing can have
   * fallen due since the last look when it is the same second, and nothing has happened.
   */
  catchUp(): void {
    while (this.caughtUpWith !== this.present()) {
      const next = this.next();
      if (next) this.ledger.at(next.at, next.act);
      else this.caughtUpWith = this.present();
    }
  }

  private present(): string {
    return `${this.ledger.now()} ${this.ledger.store.events.at(-1)?.id ?? ''}`;
  }

  private next(): Due | undefined {
    const now = this.ledger.now();
    let first: Due | undefined;
    for (const due of this.allDue()) {
      if (due.at <= now && (first === undefined || due.at < first.at)) first = due;
    }
    return first;
  }

  private *allDue(): Generator<Due> {
    const { orders, subscriptions, invoices } = this.ledger.store;
    for (const { session } of orders.values()) {
      if (session.status !== 'open') continue;
      yield {
        at: session.expires_at,
        act: () => {
          this.checkouts.expire(session);
        },
      };
    }
    for (const subscription of subscriptions.values()) yield* this.dueOf(subscription);
    for (const invoice of invoices.values()) {
      if (invoice.next_payment_attempt === null || invoice.status !== 'open') continue;
      yield {
        at: invoice.next_payment_attempt,
        act: () => {
          this.dunning.collect(invoice);
        },
      };
    }
  }

  /** Ending comes first: a subscription that ends with its period is not renewed. */
  private *dueOf(subscription: Stripe.Subscription): Generator<Due> {
    const { status, cancel_at, created } = subscription;
    if (status === 'incomplete')
      yield {
        at: created + INCOMPLETE_SECONDS,
        act: () => {
          this.giveUp(subscription);
        },
      };
    if (!['active', 'trialing', 'past_due', 'unpaid'].includes(status)) return;
    if (cancel_at !== null)
      yield {
        at: cancel_at,
        act: () => {
          this.subscriptions.cancel(subscription);
        },
      };
    if (status === 'trialing' && subscription.trial_end && !this.ledger.store.reminded.has(subscription.id)) {
      const at = Math.max(created, subscription.trial_end - TRIAL_REMINDER_SECONDS);
      yield {
        at,
        act: () => {
          this.remind(subscription);
        },
      };
    }
    const end = itemOf(subscription).current_period_end;
    yield {
      at: end,
      act: () => {
        this.renew(subscription);
      },
    };
  }

  private giveUp(subscription: Stripe.Subscription): void {
    this.subscriptions.setStatus(subscription, 'incomplete_expired');
    for (const invoice of this.ledger.invoicesOf(subscription.id)) {
      if (invoice.status === 'open') this.invoices.void(invoice);
    }
  }

  private remind(subscription: Stripe.Subscription): void {
    this.ledger.store.reminded.set(subscription.id, { id: subscription.id });
    this.ledger.emit({ type: 'customer.subscription.trial_will_end', data: { object: subscription } });
  }

  private renew(subscription: Stripe.Subscription): void {
    if (subscription.status === 'trialing' && !this.ledger.store.cards.has(idOf(subscription.customer))) {
      const behaviour = subscription.trial_settings?.end_behavior.missing_payment_method;
      if (behaviour === 'pause') {
        this.subscriptions.setStatus(subscription, 'paused');
        return;
      }
      if (behaviour === 'cancel') {
        this.subscriptions.cancel(subscription, 'cancellation_requested');
        return;
      }
    }
    const item = itemOf(subscription);
    const { start, end } = periodFrom(item.current_period_end, subscription.billing_cycle_anchor, item.price);
    const taxed = subscription.automatic_tax.enabled;
    const invoice = this.invoices.issue({
      subscription,
      reason: 'subscription_cycle',
      amounts: amountsOf(item.price, item.quantity ?? 1, { taxed }),
      period: { start, end },
      // Who owes is billed on, but is not asked again until the debt is paid.
      draft: subscription.status === 'unpaid',
    });
    this.invoices.announceNew(invoice);
    this.subscriptions.change(subscription, () => {
      Object.assign(item, { current_period_start: start, current_period_end: end });
      if (subscription.status === 'trialing') subscription.status = 'active';
      subscription.latest_invoice = invoice.id;
    });
    if (invoice.status === 'open') this.dunning.collect(invoice);
  }
}
