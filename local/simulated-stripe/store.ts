import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Stripe } from 'stripe';

/** What was asked for in a Checkout session; Stripe keeps it too, but only shows it when a session is expanded. */
export interface CheckoutOrder {
  session: Stripe.Checkout.Session;
  priceId: string;
  quantity: number;
  subscriptionMetadata: Stripe.Metadata;
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

interface DataFile {
  customers: Stripe.Customer[];
  orders: CheckoutOrder[];
  subscriptions: Stripe.Subscription[];
  invoices: Stripe.Invoice[];
  answers: KeptAnswer[];
  events: Stripe.Event[];
}

/** Everything the simulated Stripe remembers: in memory, and in `file` too when there is one. */
export class Store {
  readonly customers: Map<string, Stripe.Customer>;
  readonly orders: Map<string, CheckoutOrder>;
  readonly subscriptions: Map<string, Stripe.Subscription>;
  readonly invoices: Map<string, Stripe.Invoice>;
  readonly answers: Map<string, KeptAnswer>;
  readonly events: Stripe.Event[];

  constructor(private readonly file?: string) {
    const data = file === undefined ? {} : load(file);
    this.customers = new Map(data.customers?.map((customer) => [customer.id, customer]));
    this.orders = new Map(data.orders?.map((order) => [order.session.id, order]));
    this.subscriptions = new Map(data.subscriptions?.map((subscription) => [subscription.id, subscription]));
    this.invoices = new Map(data.invoices?.map((invoice) => [invoice.id, invoice]));
    this.answers = new Map(data.answers?.map((answer) => [answer.key, answer]));
    this.events = data.events ?? [];
  }

  /** Whoever reads the file sees the old state or the new one: it is written aside and then renamed. */
  save(): void {
    if (this.file === undefined) return;
    const data: DataFile = {
      customers: [...this.customers.values()],
      orders: [...this.orders.values()],
      subscriptions: [...this.subscriptions.values()],
      invoices: [...this.invoices.values()],
      answers: [...this.answers.values()],
      events: this.events,
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
