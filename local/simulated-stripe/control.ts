import type { Stripe } from 'stripe';
import type { StripeAccount } from './account/stripe-account.js';
import type { Failure, Faults } from './api/faults.js';
import { DAY } from './objects/period.js';
import type { Dunning } from './store.js';
import type { DeliveryCount, Disturbance, WebhookMode, WebhookSender } from './webhook-sender.js';

export interface DeliveryOrder {
  order?: 'given' | 'reversed' | 'shuffled';
  /** How often each; `random` is once to three times. */
  times?: number | 'random';
  /** All at once, by default; else each when the one before it was answered. */
  concurrently?: boolean;
}

/** What a test, or a person on the overview page, can make happen. */
export class Control {
  constructor(
    private readonly account: StripeAccount,
    private readonly webhooks: WebhookSender,
    private readonly faults: Faults,
  ) {}

  /** All events made, in order, also those that are held or were never taken. */
  get events(): readonly Stripe.Event[] {
    return this.account.ledger.store.events;
  }

  /** Stripe's clock: seconds since 1970. */
  now(): number {
    return this.account.ledger.now();
  }

  /** Moves the clock forward, and everything that falls due meanwhile happens, each at its own moment. */
  advance({ days = 0, seconds = 0 }: { days?: number; seconds?: number }): void {
    this.account.time.advance(days * DAY + seconds);
    this.save();
  }

  /** When a card that failed is tried again, and what a subscription becomes that was never paid. */
  setDunning(dunning: Partial<Dunning>): void {
    Object.assign(this.account.ledger.store.settings.dunning, dunning);
    this.save();
  }

  /** Any status, also one that does not exist. */
  setStatus(subscription: string, status: string): void {
    this.account.subscriptions.setStatus(this.account.ledger.getSubscription(subscription), status);
    this.save();
  }

  /** The customer pays with another card from now on. */
  setCard(customer: string, card: 'works' | 'fails'): void {
    this.account.changeCard(this.account.ledger.getCustomer(customer), card);
    this.save();
  }

  /** As if a person had cancelled at once in the dashboard. Throws when there is no such subscription, or it has ended. */
  cancelSubscription(id: string): void {
    this.account.subscriptions.cancel(this.account.ledger.getSubscription(id));
    this.save();
  }

  /** Makes the next API requests that match fail. The SDK tries three times by default after a status of 409 or 5xx. */
  fail(next: Failure): void {
    this.faults.add(next);
  }

  /** No API request fails any more. */
  heal(): void {
    this.faults.clear();
  }

  /** While held, events are made but not sent. Releasing sends what was held, in order. */
  holdWebhooks(hold: boolean): void {
    this.webhooks.setMode(hold ? 'hold' : 'send');
  }

  /** `lose`: what is made from now on is never sent by itself. */
  setWebhooks(mode: WebhookMode): void {
    this.webhooks.setMode(mode);
  }

  /** From now on events are sent several times, late, and in any order; `{}` ends that. */
  disturbWebhooks(disturbance: Disturbance): void {
    this.webhooks.disturbance = disturbance;
  }

  /** While a secret is replaced, events are signed with the old one and the new one. */
  signWith(...secrets: string[]): void {
    this.webhooks.signWith(secrets);
  }

  /** Sends an event (again) now, even while held. Resolves with the app's HTTP status; rejects when nobody answers. */
  async deliver(eventId: string): Promise<number> {
    return this.webhooks.send(this.getEvent(eventId));
  }

  /** Sends these events now. Resolves with the app's statuses in the order of sending; 0 where nobody answered. */
  async deliverAll(
    eventIds: readonly string[],
    { order = 'given', times = 1, concurrently = true }: DeliveryOrder = {},
  ): Promise<number[]> {
    const events = eventIds
      .map((id) => this.getEvent(id))
      .flatMap((event) => Array<Stripe.Event>(times === 'random' ? 1 + randomBelow(3) : times).fill(event));
    if (order === 'reversed') events.reverse();
    if (order === 'shuffled') shuffle(events);
    const send = (event: Stripe.Event) => this.webhooks.send(event).catch(() => 0);
    if (concurrently) return Promise.all(events.map(send));
    const statuses: number[] = [];
    for (const event of events) statuses.push(await send(event));
    return statuses;
  }

  /** How often an event was sent, and taken with a 2xx. */
  deliveriesOf(eventId: string): DeliveryCount {
    return this.webhooks.counts.get(this.getEvent(eventId).id) ?? { tries: 0, taken: 0 };
  }

  private getEvent(id: string): Stripe.Event {
    const event = this.events.find((each) => each.id === id);
    if (event) return event;
    throw new Error(`The simulated Stripe has made no event '${id}'`);
  }

  private save(): void {
    this.account.ledger.store.save();
  }
}

function randomBelow(limit: number): number {
  return Math.floor(Math.random() * limit);
}

/** Fisher and Yates. */
function shuffle(items: unknown[]): void {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = randomBelow(last + 1);
    [items[last], items[other]] = [items[other], items[last]];
  }
}
