import type { Stripe } from 'stripe';
import { invalidRequest } from '../stripe-api-error.js';
import { type ApiCall, type ApiRoute, listOf, PAGE_PARAMS } from './api-route.js';

const CREATE_PARAMS = [
  'mode',
  'line_items',
  'customer',
  'customer_email',
  'client_reference_id',
  'metadata',
  'subscription_data',
  'success_url',
  'cancel_url',
] as const satisfies (keyof Stripe.Checkout.SessionCreateParams)[];

const LIST_PARAMS = [
  'customer',
  'status',
  ...PAGE_PARAMS,
] as const satisfies (keyof Stripe.Checkout.SessionListParams)[];

export const checkoutSessions: ApiRoute[] = [
  { method: 'POST', path: '/v1/checkout/sessions', params: CREATE_PARAMS, answer: create },
  { method: 'GET', path: '/v1/checkout/sessions', params: LIST_PARAMS, answer: list },
  {
    method: 'GET',
    path: '/v1/checkout/sessions/:id',
    params: [],
    answer: ({ account, id }) => account.getOrder(id).session,
  },
  {
    method: 'POST',
    path: '/v1/checkout/sessions/:id/expire',
    params: [],
    answer: ({ account, id }) => {
      const { session } = account.getOrder(id);
      account.expireSession(session);
      return session;
    },
  },
];

function create({ account, params }: ApiCall): Stripe.Checkout.Session {
  if (params.requiredText('mode') !== 'subscription') {
    throw invalidRequest('The simulated Stripe supports mode=subscription alone.', 'mode');
  }
  const [item, ...more] = params.list('line_items');
  if (!item || more.length > 0) {
    throw invalidRequest('The simulated Stripe needs exactly one line item.', 'line_items');
  }
  item.allowOnly(['price', 'quantity'] satisfies (keyof Stripe.Checkout.SessionCreateParams.LineItem)[]);
  const subscription = params.nested('subscription_data');
  subscription.allowOnly([
    'metadata',
  ] satisfies (keyof Stripe.Checkout.SessionCreateParams.SubscriptionData)[]);
  const successUrl = params.url('success_url');
  if (!successUrl)
    throw invalidRequest('Missing required param: success_url.', 'success_url', 'parameter_missing');
  const customer = params.text('customer');
  return account.openCheckout(
    {
      customer: customer ? account.getCustomer(customer, 'customer').id : null,
      customer_email: params.text('customer_email') ?? null,
      client_reference_id: params.text('client_reference_id') ?? null,
      metadata: params.mergedMetadata({}),
      success_url: successUrl,
      cancel_url: params.url('cancel_url') ?? null,
    },
    {
      priceId: account.getPrice(item.requiredText('price'), 'line_items[0][price]').id,
      quantity: item.integer('quantity', 1, 999_999) ?? 1,
      subscriptionMetadata: subscription.mergedMetadata({}),
    },
  );
}

function list({ account, params }: ApiCall): Stripe.ApiList<Stripe.Checkout.Session> {
  const customer = params.text('customer');
  const status = params.text('status');
  if (customer) account.getCustomer(customer, 'customer');
  const found = account
    .listSessions()
    .filter((session) => !customer || session.customer === customer)
    .filter((session) => !status || session.status === status);
  return listOf(found, '/v1/checkout/sessions', params);
}
