import type { StripeInvoice } from '../stripe/stripe-invoices.client.js';

export class InvoiceResponse {
  /**
   * As printed on it; null while it has none.
   * @example 'A1B2C3D4-0001'
   */
  number!: string | null;

  /**
   * Stripe's word: `open`, `paid`, `uncollectible` or `void`.
   * @example 'paid'
   */
  status!: string | null;

  /**
   * With tax, minor units of `currency`.
   * @example 999
   */
  total!: number;

  /** @example 999 */
  amountPaid!: number;

  /**
   * Still to be paid.
   * @example 0
   */
  amountDue!: number;

  /**
   * ISO 4217, lower case.
   * @example 'usd'
   */
  currency!: string;

  createdAt!: Date;

  /** What is paid for begins here, */
  periodStart!: Date;

  /** and ends here. */
  periodEnd!: Date;

  /**
   * Stripe's page of the invoice, to look at and to pay on.
   * @example 'https://invoice.stripe.com/i/acct_1/test_a1b2c3'
   */
  hostedUrl!: string | null;

  /** @example 'https://pay.stripe.com/invoice/acct_1/test_a1b2c3/pdf' */
  pdfUrl!: string | null;

  static from(invoice: StripeInvoice): InvoiceResponse {
    const { number, status, total, amountPaid, amountDue, currency } = invoice;
    const { createdAt, periodStart, periodEnd, hostedUrl, pdfUrl } = invoice;
    return {
      ...{ number, status, total, amountPaid, amountDue, currency },
      ...{ createdAt, periodStart, periodEnd, hostedUrl, pdfUrl },
    };
  }
}

export class InvoicePage {
  data!: InvoiceResponse[];

  /** Pass it back as `cursor` for what follows; null at the end. */
  nextCursor!: string | null;
}
