import type { Stripe } from 'stripe';
import type { Ledger } from '../account/ledger.js';
import { newId, nulls, snapshot } from '../objects/make.js';
import { invalidRequest } from '../stripe-api-error.js';

type Fields = Record<string, unknown>;

/** Stripe's own limit. https://docs.stripe.com/api/expanding_objects */
const DEEPEST = 4;

/** The answer with what `expand[]` asks for in the place of ids: `latest_invoice.payments`, `data.customer`. */
export function expand(answer: object, paths: readonly string[], ledger: Ledger): object {
  if (paths.length === 0) return answer;
  const copy = snapshot(answer);
  for (const path of paths) {
    const names = path.split('.');
    if (names.length > DEEPEST)
      throw invalidRequest(`You cannot expand more than ${DEEPEST} levels of a property`, 'expand');
    expandIn(copy as Fields, names, path, ledger);
  }
  return copy;
}

function expandIn(object: Fields, [name = '', ...rest]: string[], path: string, ledger: Ledger): void {
  const value = expanded(object, name, ledger);
  if (value === undefined) {
    const message = `This property cannot be expanded (${path}), or not yet by the simulated Stripe.`;
    throw invalidRequest(message, 'expand');
  }
  object[name] = value;
  if (rest.length === 0) return;
  for (const each of Array.isArray(value) ? value : [value]) {
    if (isFields(each)) expandIn(each, rest, path, ledger);
  }
}

function expanded(object: Fields, name: string, ledger: Ledger): unknown {
  const value = object[name];
  if (typeof value === 'string') return byId(value, ledger);
  if (value !== undefined) return value;
  if (object.object === 'invoice' && name === 'payments') return paymentsOf(String(object.id), ledger);
  if (object.object === 'customer' && name === 'subscriptions')
    return subscriptionsOf(String(object.id), ledger);
  if (object.object === 'checkout.session' && name === 'line_items')
    return lineItemsOf(String(object.id), ledger);
  return undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function byId(id: string, { store }: Ledger): unknown {
  const row =
    store.customers.get(id) ??
    store.deletedCustomers.get(id) ??
    store.subscriptions.get(id) ??
    store.invoices.get(id) ??
    store.charges.get(id);
  return row && snapshot(row);
}

function paymentsOf(invoice: string, ledger: Ledger): Stripe.ApiList<Stripe.InvoicePayment> {
  const payment = ledger.paymentOf(invoice);
  return {
    object: 'list',
    data: payment ? [snapshot(payment)] : [],
    has_more: false,
    url: `/v1/invoice_payments?invoice=${invoice}`,
  };
}

/** As Stripe: those that have not ended. */
function subscriptionsOf(customer: string, ledger: Ledger): Stripe.ApiList<Stripe.Subscription> {
  const data = ledger.subscriptionsOf(customer).filter(({ status }) => status !== 'canceled');
  return {
    object: 'list',
    data: snapshot(data),
    has_more: false,
    url: `/v1/customers/${customer}/subscriptions`,
  };
}

function lineItemsOf(sessionId: string, ledger: Ledger): Stripe.ApiList<Stripe.LineItem> {
  const { session, priceId, quantity } = ledger.getOrder(sessionId);
  const price = ledger.getPrice(priceId);
  const item: Stripe.LineItem = {
    ...nulls('adjustable_quantity', 'description'),
    id: newId('li'),
    object: 'item',
    amount_discount: session.total_details?.amount_discount ?? 0,
    amount_subtotal: session.amount_subtotal ?? 0,
    amount_tax: session.total_details?.amount_tax ?? 0,
    amount_total: session.amount_total ?? 0,
    currency: price.currency,
    metadata: {},
    price,
    quantity,
  };
  const url = `/v1/checkout/sessions/${sessionId}/line_items`;
  return { object: 'list', data: [snapshot(item)], has_more: false, url };
}
