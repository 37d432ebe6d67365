import { Injectable } from '@nestjs/common';
import type { Stripe } from 'stripe';
import { StripeApi } from './stripe-api.js';
import { dateOf } from './stripe-subscription.js';

export interface StripeInvoice {
  id: string;
  number: string | null;
  /** open, paid, uncollectible, void. */
  status: string | null;
  /** Minor units of `currency`, as the other amounts. */
  total: number;
  amountPaid: number;
  amountDue: number;
  currency: string;
  createdAt: Date;
  periodStart: Date;
  periodEnd: Date;
  /** Stripe's page of the invoice, to look at and to pay on. */
  hostedUrl: string | null;
  pdfUrl: string | null;
}

/** What a customer was asked to pay. */
@Injectable()
export class StripeInvoicesClient {
  constructor(private readonly api: StripeApi) {}

  /**
   * Newest first. Drafts are left out: nobody owes them yet, and they change.
   *
   * @param after the id of the last invoice of the page before
   * @throws StripeMissing when the customer is gone
   */
  list(
    customerId: string,
    limit: number,
    after: string | undefined,
  ): Promise<{ invoices: StripeInvoice[]; last: string | null }> {
    return this.api.call(async (sdk) => {
      const { data, has_more: more } = await sdk.invoices.list({
        customer: customerId,
        limit,
        ...(after !== undefined && { starting_after: after }),
      });
      const invoices = data.filter(({ status }) => status !== 'draft').map(toInvoice);
      return { invoices, last: more ? (data.at(-1)?.id ?? null) : null };
    });
  }
}

function toInvoice(invoice: Stripe.Invoice): StripeInvoice {
  // The invoice's own period is the one before; what is paid for is on its line.
  const period = invoice.lines.data[0]?.period ?? { start: invoice.period_start, end: invoice.period_end };
  return {
    id: invoice.id,
    number: invoice.number,
    status: invoice.status,
    total: invoice.total,
    amountPaid: invoice.amount_paid,
    amountDue: invoice.amount_remaining,
    currency: invoice.currency,
    createdAt: dateOf(invoice.created),
    periodStart: dateOf(period.start),
    periodEnd: dateOf(period.end),
    hostedUrl: invoice.hosted_invoice_url ?? null,
    pdfUrl: invoice.invoice_pdf ?? null,
  };
}
