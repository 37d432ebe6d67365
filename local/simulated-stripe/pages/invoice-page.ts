import type { Stripe } from 'stripe';
import type { Answer } from '../http.js';
import { idOf } from '../objects/subscription.js';
import { button, day, html, money, page, redirect } from './html.js';
import type { PageCall, PageRoute } from './page-route.js';
import { pdfOf } from './pdf.js';

/** invoice.stripe.com: what `hosted_invoice_url` and `invoice_pdf` lead to. */
export const invoicePages: PageRoute[] = [
  { method: 'GET', path: '/i/:id', answer: (call) => invoicePage(invoiceOf(call)) },
  { method: 'GET', path: '/i/:id/pdf', answer: (call) => invoicePdf(invoiceOf(call)) },
  { method: 'POST', path: '/i/:id/pay', answer: pay },
];

function invoiceOf({ account, id }: PageCall): Stripe.Invoice {
  return account.ledger.getInvoice(id);
}

function pay(call: PageCall): Answer {
  const invoice = invoiceOf(call);
  if (invoice.status === 'open' && !call.account.dunning.collect(invoice))
    return invoicePage(
      invoice,
      'The card was declined. Use another one in the customer portal, then pay again.',
      402,
    );
  return redirect(`/i/${invoice.id}`);
}

function invoicePage(invoice: Stripe.Invoice, alert?: string, status = 200): Answer {
  return page(status, {
    title: `Invoice ${invoice.number ?? invoice.id}`,
    note: 'No money moves.',
    main: html`<section class="card">
      <h1>Invoice ${invoice.number ?? invoice.id}</h1>
      ${alert ? html`<p class="alert" role="alert">${alert}</p>` : ''}
      ${linesOf(invoice).map((line) => html`<p>${line}</p>`)}
      <p><a href="/i/${invoice.id}/pdf">PDF</a></p>
      <div class="actions">
        ${invoice.status === 'open' ? button(`/i/${invoice.id}/pay`, 'Pay', 'main') : ''}
        ${button(`/customers/${idOf(invoice.customer)}/portal`, 'Customer portal')}
      </div>
    </section>`,
  });
}

function invoicePdf(invoice: Stripe.Invoice): Answer {
  const name = invoice.number ?? invoice.id;
  return {
    status: 200,
    headers: {
      'content-type': 'application/pdf',
      'content-disposition': `inline; filename="${name}.pdf"`,
    },
    body: pdfOf(['This is a simulation: no money moved.', `Invoice ${name}`, ...linesOf(invoice)]),
  };
}

function linesOf(invoice: Stripe.Invoice): string[] {
  const tax = invoice.total - (invoice.total_excluding_tax ?? invoice.total);
  const amount = (value: number) => money(value, invoice.currency);
  return [
    `Date: ${day(invoice.created)}`,
    `Subtotal: ${amount(invoice.subtotal)}`,
    ...(tax > 0 ? [`Tax: ${amount(tax)}`] : []),
    `Total: ${amount(invoice.total)}`,
    `Paid: ${amount(invoice.amount_paid)}`,
    `Status: ${invoice.status ?? ''}`,
  ];
}
