import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Stripe } from 'stripe';

/** What was asked for in a Checkout session; Stripe keeps it too, but only shows it when a session is expanded. */
export interface CheckoutOrder {
  session: Stripe.Checkout.Session;
  priceId: string;
  quantity: number;
  subscriptionMetadata: Stripe.Metadata;
  trialDays?: number | undefined;
  missingPaymentMethod: Stripe.Subscription.TrialSettings.EndBehavior.MissingPaymentMethod;
  /** Off the first invoice alone. */
  percentOff: number;
}

/** What a customer pays with. */
export interface Card {
  customer: string;
  id: string;
  last4: string;
  pays: boolean;
}

/** The answer to a POST, kept so that the same Idempotency-Key gets it again. */
export interface KeptAnswer {
  key: string;
  path: string;
  fingerprint: string;
  requestId: string;
  body: string;
  created: number;
}

/** What Stripe does about an invoice that cannot be collected. */
export interface Dunning {
  /** When the card is tried again, in days after the first attempt. */
  retryDays: number[];
  /** What the subscription becomes when the last attempt has failed. */
  then: 'canceled' | 'unpaid' | 'past_due';
}

export interface Settings {
  /** How far the simulated clock is ahead of the machine's. */
  secondsAhead: number;
  dunning: Dunning;
}

interface Tables {
  customers: Stripe.Customer;
  deletedCustomers: Stripe.DeletedCustomer;
  cards: Card;
  orders: CheckoutOrder;
  subscriptions: Stripe.Subscription;
  /** Subscriptions that were told of the end of their trial. */
  reminded: { id: string };
  invoices: Stripe.Invoice;
  invoicePayments: Stripe.InvoicePayment;
  charges: Stripe.Charge;
  refunds: Stripe.Refund;
  portalSessions: Stripe.BillingPortal.Session;
  answers: KeptAnswer;
}

type DataFile = { [Name in keyof Tables]: Tables[Name][] } & { events: Stripe.Event[]; settings: Settings };

/** Everything the simulated Stripe remembers: in memory, and in `file` too when there is one. */
export class Store {
  readonly customers: Map<string, Stripe.Customer>;
  readonly deletedCustomers: Map<string, Stripe.DeletedCustomer>;
  readonly cards: Map<string, Card>;
  readonly orders: Map<string, CheckoutOrder>;
  readonly subscriptions: Map<string, Stripe.Subscription>;
  readonly reminded: Map<string, { id: string }>;
  readonly invoices: Map<string, Stripe.Invoice>;
  readonly invoicePayments: Map<string, Stripe.InvoicePayment>;
  readonly charges: Map<string, Stripe.Charge>;
  readonly refunds: Map<string, Stripe.Refund>;
  readonly portalSessions: Map<string, Stripe.BillingPortal.Session>;
  readonly answers: Map<string, KeptAnswer>;
  readonly events: Stripe.Event[];
  readonly settings: Settings;

  constructor(private readonly file?: string) {
    const data = file === undefined ? {} : load(file);
    const byId = <T extends { id: string }>(rows: T[] | undefined) =>
      new Map(rows?.map((row) => [row.id, row]));
    this.customers = byId(data.customers);
    this.deletedCustomers = byId(data.deletedCustomers);
    this.cards = new Map(data.cards?.map((card) => [card.customer, card]));
    this.orders = new Map(data.orders?.map((order) => [order.session.id, order]));
    this.subscriptions = byId(data.subscriptions);
    this.reminded = byId(data.reminded);
    this.invoices = byId(data.invoices);
    this.invoicePayments = byId(data.invoicePayments);
    this.charges = byId(data.charges);
    this.refunds = byId(data.refunds);
    this.portalSessions = byId(data.portalSessions);
    this.answers = new Map(data.answers?.map((answer) => [answer.key, answer]));
    this.events = data.events ?? [];
    // Stripe's smart retries differ from card to card; these days are the ones of its old fixed schedule.
    this.settings = data.settings ?? { secondsAhead: 0, dunning: { retryDays: [3, 5, 7], then: 'canceled' } };
  }

  /** Whoever reads the file sees the old state or the new one: it is written aside and then renamed. */
  save(): void {
    if (this.file === undefined) return;
    const data: DataFile = {
      customers: [...this.customers.values()],
      deletedCustomers: [...this.deletedCustomers.values()],
      cards: [...this.cards.values()],
      orders: [...this.orders.values()],
      subscriptions: [...this.subscriptions.values()],
      reminded: [...this.reminded.values()],
      invoices: [...this.invoices.values()],
      invoicePayments: [...this.invoicePayments.values()],
      charges: [...this.charges.values()],
      refunds: [...this.refunds.values()],
      portalSessions: [...this.portalSessions.values()],
      answers: [...this.answers.values()],
      events: this.events,
      settings: this.settings,
    };
    mkdirSync(dirname(this.file), { recursive: true });
    const aside = `${this.file}.${process.pid}.tmp`;
    writeFileSync(aside, JSON.stringify(data, null, 2));
    renameSync(aside, this.file);
  }
}

function load(file: string): Partial<DataFile> {
  if (!existsSync(file)) return {};
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<DataFile>;
  } catch (cause) {
    throw new Error(`${file} is not the simulated Stripe's data; delete it to start anew`, { cause });
  }
}
