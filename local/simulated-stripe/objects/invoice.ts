import type { Stripe } from 'stripe';
import type { Amounts } from './amounts.js';
import { newId, nulls } from './make.js';
import type { Period } from './period.js';
import { itemOf } from './subscription.js';

export interface Bill {
  subscription: Stripe.Subscription;
  customer: Stripe.Customer;
  reason: Stripe.Invoice.BillingReason;
  amounts: Amounts;
  period: Period;
  number: string;
  /** A draft is neither numbered nor collected. */
  draft: boolean;
}

export function makeInvoice(bill: Bill, created: number, baseUrl: string): Stripe.Invoice {
  const { subscription, customer, amounts, draft } = bill;
  const { total } = amounts;
  const id = newId('in');
  const credit = Math.max(0, Math.min(-customer.balance, total));
  const due = Math.max(0, total - credit);
  return {
    ...nulls('account_country', 'account_name', 'account_tax_ids', 'application'),
    ...nulls('automatically_finalizes_at', 'confirmation_secret', 'custom_fields', 'customer_account'),
    ...nulls('customer_address', 'customer_shipping', 'default_payment_method', 'default_source'),
    ...nulls('description', 'due_date', 'footer', 'from_invoice', 'last_finalization_error'),
    ...nulls('latest_revision', 'next_payment_attempt', 'on_behalf_of', 'receipt_number'),
    ...nulls('rendering', 'shipping_cost', 'shipping_details', 'statement_descriptor', 'test_clock'),
    ...nulls('webhooks_delivered_at'),
    ...invoiceUrls(draft ? null : id, baseUrl),
    id,
    object: 'invoice',
    amount_due: due,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_remaining: due,
    amount_shipping: 0,
    attempt_count: 0,
    attempted: false,
    auto_advance: !draft,
    automatic_tax: {
      ...nulls('disabled_reason', 'liability', 'provider'),
      enabled: subscription.automatic_tax.enabled,
      status: subscription.automatic_tax.enabled ? 'complete' : null,
    },
    billing_reason: bill.reason,
    collection_method: 'charge_automatically',
    created,
    currency: subscription.currency,
    customer: customer.id,
    customer_email: customer.email,
    customer_name: customer.name ?? null,
    customer_phone: customer.phone ?? null,
    customer_tax_exempt: 'none',
    customer_tax_ids: [],
    default_tax_rates: [],
    discounts: amounts.discount > 0 ? [`di_${id}`] : [],
    effective_at: draft ? null : created,
    ending_balance: customer.balance + credit,
    issuer: { type: 'self' },
    lines: { object: 'list', data: [lineOf(bill, id)], has_more: false, url: `/v1/invoices/${id}/lines` },
    livemode: false,
    metadata: {},
    number: draft ? null : bill.number,
    parent: {
      type: 'subscription_details',
      quote_details: null,
      subscription_details: { metadata: subscription.metadata, subscription: subscription.id },
    },
    payment_settings: nulls('default_mandate', 'payment_method_options', 'payment_method_types'),
    period_end: created,
    period_start: created,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    starting_balance: customer.balance,
    status: draft ? 'draft' : 'open',
    status_transitions: {
      finalized_at: draft ? null : created,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
    subtotal: amounts.subtotal,
    subtotal_excluding_tax: amounts.subtotal,
    total,
    total_discount_amounts: amounts.discount > 0 ? [{ amount: amounts.discount, discount: `di_${id}` }] : [],
    total_excluding_tax: total - amounts.tax,
    total_pretax_credit_amounts: [],
    total_taxes: taxesOf(amounts),
  };
}

export function invoiceUrls(
  id: string | null,
  baseUrl: string,
): { hosted_invoice_url: string | null; invoice_pdf: string | null } {
  return {
    hosted_invoice_url: id && `${baseUrl}/i/${id}`,
    invoice_pdf: id && `${baseUrl}/i/${id}/pdf`,
  };
}

export function subscriptionIdOf(invoice: Stripe.Invoice): string | undefined {
  const subscription = invoice.parent?.subscription_details?.subscription;
  return typeof subscription === 'string' ? subscription : subscription?.id;
}

function lineOf({ subscription, amounts, period }: Bill, invoice: string): Stripe.InvoiceLineItem {
  const { id, price, quantity = 1 } = itemOf(subscription);
  return {
    ...nulls('discount_amounts', 'pretax_credit_amounts', 'quantity_decimal', 'taxes'),
    id: newId('il'),
    object: 'line_item',
    amount: amounts.subtotal,
    currency: subscription.currency,
    description: null,
    discountable: true,
    discounts: [],
    invoice,
    livemode: false,
    metadata: subscription.metadata,
    parent: {
      type: 'subscription_item_details',
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: null,
        subscription: subscription.id,
        subscription_item: id,
      },
    },
    period,
    pricing: {
      type: 'price_details',
      price_details: { price: price.id, product: price.product as string },
      unit_amount_decimal: price.unit_amount_decimal,
    },
    quantity,
    subscription: subscription.id,
    subtotal: amounts.subtotal,
  };
}

function taxesOf({ subtotal, discount, tax }: Amounts): Stripe.Invoice.TotalTax[] {
  if (tax === 0) return [];
  return [
    {
      amount: tax,
      tax_behavior: 'exclusive',
      tax_rate_details: { tax_rate: 'txr_simulated' },
      taxability_reason: 'standard_rated',
      taxable_amount: subtotal - discount,
      type: 'tax_rate_details',
    },
  ];
}
