import type { Stripe } from 'stripe';
import { invalidRequest } from '../stripe-api-error.js';
import { type ApiCall, type ApiRoute, LIST_PARAMS, listOf } from './api-route.js';

export const refunds: ApiRoute[] = [
  {
    method: 'POST',
    path: '/v1/refunds',
    params: [
      'amount',
      'charge',
      'metadata',
      'payment_intent',
      'reason',
    ] satisfies (keyof Stripe.RefundCreateParams)[],
    answer: create,
  },
  {
    method: 'GET',
    path: '/v1/refunds',
    params: ['charge', 'payment_intent', ...LIST_PARAMS] satisfies (keyof Stripe.RefundListParams)[],
    answer: list,
  },
];

function create({ account, params }: ApiCall): Stripe.Refund {
  const [charge, paymentIntent] = [params.text('charge'), params.text('payment_intent')];
  if (!charge && !paymentIntent)
    throw invalidRequest('One of the following params should be provided: payment_intent or charge.');
  return account.invoices.refund(
    account.invoices.getCharge({ charge, paymentIntent }),
    params.integer('amount', 1, 99_999_999),
    {
      reason: params.oneOf('reason', ['duplicate', 'fraudulent', 'requested_by_customer']) ?? null,
      metadata: params.mergedMetadata({}),
    },
  );
}

function list({ account, params }: ApiCall): Stripe.ApiList<Stripe.Refund> {
  const [charge, paymentIntent] = [params.text('charge'), params.text('payment_intent')];
  const found = [...account.ledger.store.refunds.values()]
    .filter((refund) => !charge || refund.charge === charge)
    .filter((refund) => !paymentIntent || refund.payment_intent === paymentIntent);
  return listOf(found, '/v1/refunds', params);
}
