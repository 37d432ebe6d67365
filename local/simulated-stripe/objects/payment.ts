import type { Stripe } from 'stripe';
import { newId, nulls } from './make.js';

/** What the invoice asks its payment for: since basil, this is the way from an invoice to its payment intent. */
export function makeInvoicePayment(invoice: Stripe.Invoice): Stripe.InvoicePayment {
  return {
    id: newId('inpay'),
    object: 'invoice_payment',
    amount_paid: null,
    amount_requested: invoice.amount_due,
    created: invoice.created,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: false,
    payment: { type: 'payment_intent', payment_intent: newId('pi') },
    status: 'open',
    status_transitions: { canceled_at: null, paid_at: null },
  };
}

/** One attempt to take the money. */
export function makeCharge(
  { invoice, paymentIntent, paid }: { invoice: Stripe.Invoice; paymentIntent: string; paid: boolean },
  created: number,
): Stripe.Charge {
  return {
    ...nulls('application', 'application_fee', 'application_fee_amount', 'balance_transaction'),
    ...nulls('calculated_statement_descriptor', 'description', 'failure_balance_transaction'),
    ...nulls('fraud_details', 'on_behalf_of', 'outcome', 'payment_method', 'payment_method_details'),
    ...nulls('receipt_email', 'receipt_number', 'receipt_url', 'review', 'shipping', 'source'),
    ...nulls('source_transfer', 'statement_descriptor', 'statement_descriptor_suffix', 'transfer_data'),
    ...nulls('transfer_group'),
    id: newId('ch'),
    object: 'charge',
    amount: invoice.amount_due,
    amount_captured: paid ? invoice.amount_due : 0,
    amount_refunded: 0,
    billing_details: nulls('address', 'email', 'name', 'phone', 'tax_id'),
    captured: paid,
    created,
    currency: invoice.currency,
    customer: invoice.customer,
    disputed: false,
    failure_code: paid ? null : 'card_declined',
    failure_message: paid ? null : 'Your card was declined.',
    livemode: false,
    metadata: {},
    paid,
    payment_intent: paymentIntent,
    refunded: false,
    status: paid ? 'succeeded' : 'failed',
  };
}

export function makeRefund(
  charge: Stripe.Charge,
  given: Pick<Stripe.Refund, 'amount' | 'reason' | 'metadata'>,
  created: number,
): Stripe.Refund {
  return {
    ...nulls('balance_transaction', 'customer_account', 'payment_method', 'receipt_number'),
    ...nulls('source_transfer_reversal', 'transfer_reversal'),
    ...given,
    id: newId('re'),
    object: 'refund',
    charge: charge.id,
    created,
    currency: charge.currency,
    customer: charge.customer,
    payment_intent: charge.payment_intent,
    status: 'succeeded',
  };
}
