import type { Stripe } from 'stripe';
import { subscriptionIdOf } from '../objects/invoice.js';
import { idOf } from '../objects/subscription.js';
import { invalidRequest, StripeApiError } from '../stripe-api-error.js';
import { type ApiCall, type ApiRoute, LIST_PARAMS, listOf } from './api-route.js';

export const invoices: ApiRoute[] = [
  {
    method: 'GET',
    path: '/v1/invoices',
    params: [
      'customer',
      'status',
      'subscription',
      ...LIST_PARAMS,
    ] satisfies (keyof Stripe.InvoiceListParams)[],
    answer: listInvoices,
  },
  {
    method: 'GET',
    path: '/v1/invoices/:id',
    params: [],
    answer: ({ account, id }) => account.ledger.getInvoice(id),
  },
  {
    method: 'POST',
    path: '/v1/invoices/:id/pay',
    params: [],
    answer: ({ account, id }) => pay(account, id),
  },
  {
    method: 'GET',
    path: '/v1/invoice_payments',
    params: [
      'invoice',
      'payment',
      'status',
      ...LIST_PARAMS,
    ] satisfies (keyof Stripe.InvoicePaymentListParams)[],
    answer: listPayments,
  },
];

function listInvoices({ account, params }: ApiCall): Stripe.ApiList<Stripe.Invoice> {
  const [customer, status] = [params.text('customer'), params.text('status')];
  const subscription = params.text('subscription');
  if (customer) account.ledger.getCustomerOrDeleted(customer, 'customer');
  if (subscription) account.ledger.getSubscription(subscription, 'subscription');
  const found = [...account.ledger.store.invoices.values()]
    .filter((invoice) => !customer || invoice.customer === customer)
    .filter((invoice) => !subscription || subscriptionIdOf(invoice) === subscription)
    .filter((invoice) => !status || invoice.status === status);
  return listOf(found, '/v1/invoices', params);
}

function pay(account: ApiCall['account'], id: string): Stripe.Invoice {
  const invoice = account.ledger.getInvoice(id);
  if (invoice.status !== 'open') throw invalidRequest(`Invoice is already ${invoice.status ?? 'gone'}`);
  if (account.dunning.collect(invoice)) return invoice;
  const message = 'Your card was declined.';
  throw new StripeApiError(402, { type: 'card_error', code: 'card_declined', message });
}

function listPayments({ account, params }: ApiCall): Stripe.ApiList<Stripe.InvoicePayment> {
  const [invoice, status] = [params.text('invoice'), params.text('status')];
  const payment = params.nested('payment');
  payment.allowOnly(['type', 'payment_intent'] satisfies (keyof Stripe.InvoicePaymentListParams.Payment)[]);
  const intent = payment.text('payment_intent');
  if (invoice) account.ledger.getInvoice(invoice, 'invoice');
  const found = [...account.ledger.store.invoicePayments.values()]
    .filter((each) => !invoice || each.invoice === invoice)
    .filter((each) => !status || each.status === status)
    .filter((each) => !intent || idOf(each.payment.payment_intent ?? null) === intent);
  return listOf(found, '/v1/invoice_payments', params);
}
