import type { Stripe } from 'stripe';
import { type ApiCall, type ApiRoute, listOf, PAGE_PARAMS } from './api-route.js';

const LIST_PARAMS = [
  'customer',
  'status',
  ...PAGE_PARAMS,
] as const satisfies (keyof Stripe.SubscriptionListParams)[];
const UPDATE_PARAMS = [
  'cancel_at_period_end',
  'metadata',
] as const satisfies (keyof Stripe.SubscriptionUpdateParams)[];
/** Nothing is prorated or invoiced here, so these two change nothing. */
const CANCEL_PARAMS = ['invoice_now', 'prorate'] as const satisfies (keyof Stripe.SubscriptionCancelParams)[];

export const subscriptions: ApiRoute[] = [
  { method: 'GET', path: '/v1/subscriptions', params: LIST_PARAMS, answer: list },
  {
    method: 'GET',
    path: '/v1/subscriptions/:id',
    params: [],
    answer: ({ account, id }) => account.getSubscription(id),
  },
  { method: 'POST', path: '/v1/subscriptions/:id', params: UPDATE_PARAMS, answer: update },
  {
    method: 'DELETE',
    path: '/v1/subscriptions/:id',
    params: CANCEL_PARAMS,
    answer: ({ account, id }) => {
      const subscription = account.getSubscription(id);
      account.cancelSubscription(subscription);
      return subscription;
    },
  },
];

function list({ account, params }: ApiCall): Stripe.ApiList<Stripe.Subscription> {
  const customer = params.text('customer');
  const status = params.text('status');
  if (customer) account.getCustomer(customer, 'customer');
  const found = [...account.store.subscriptions.values()]
    .filter((subscription) => !customer || subscription.customer === customer)
    .filter((subscription) => isListed(subscription, status));
  return listOf(found, '/v1/subscriptions', params);
}

/** https://docs.stripe.com/api/subscriptions/list#list_subscriptions-status: without it, all but the canceled. */
function isListed({ status }: Stripe.Subscription, wanted: string | undefined): boolean {
  if (!wanted) return status !== 'canceled';
  if (wanted === 'all') return true;
  if (wanted === 'ended') return status === 'canceled' || status === 'incomplete_expired';
  return status === wanted;
}

function update({ account, id, params }: ApiCall): Stripe.Subscription {
  const subscription = account.getSubscription(id);
  account.updateSubscription(subscription, {
    cancel_at_period_end: params.flag('cancel_at_period_end'),
    metadata: params.mergedMetadata(subscription.metadata),
  });
  return subscription;
}
