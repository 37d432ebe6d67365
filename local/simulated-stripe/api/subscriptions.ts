import type { Stripe } from 'stripe';
import { itemOf } from '../objects/subscription.js';
import { invalidRequest } from '../stripe-api-error.js';
import { type ApiCall, type ApiRoute, LIST_PARAMS, listOf } from './api-route.js';

const UPDATE_PARAMS = [
  'cancel_at',
  'cancel_at_period_end',
  'items',
  'metadata',
  'proration_behavior',
] as const satisfies (keyof Stripe.SubscriptionUpdateParams)[];

export const subscriptions: ApiRoute[] = [
  {
    method: 'GET',
    path: '/v1/subscriptions',
    params: ['customer', 'price', 'status', ...LIST_PARAMS] satisfies (keyof Stripe.SubscriptionListParams)[],
    answer: list,
  },
  {
    method: 'GET',
    path: '/v1/subscriptions/:id',
    params: [],
    answer: ({ account, id }) => account.ledger.getSubscription(id),
  },
  { method: 'POST', path: '/v1/subscriptions/:id', params: UPDATE_PARAMS, answer: update },
  {
    method: 'POST',
    path: '/v1/subscriptions/:id/resume',
    params: [],
    answer: ({ account, id }) => {
      const subscription = account.ledger.getSubscription(id);
      account.resume(subscription);
      return subscription;
    },
  },
  {
    method: 'DELETE',
    path: '/v1/subscriptions/:id',
    params: ['invoice_now', 'prorate'] satisfies (keyof Stripe.SubscriptionCancelParams)[],
    answer: cancel,
  },
];

function list({ account, params }: ApiCall): Stripe.ApiList<Stripe.Subscription> {
  const [customer, price, status] = ['customer', 'price', 'status'].map((name) => params.text(name));
  if (customer) account.ledger.getCustomerOrDeleted(customer, 'customer');
  const found = [...account.ledger.store.subscriptions.values()]
    .filter((subscription) => !customer || subscription.customer === customer)
    .filter((subscription) => !price || itemOf(subscription).price.id === price)
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
  const subscription = account.ledger.getSubscription(id);
  const price = wantedPrice({ account, id, params }, subscription);
  const cancelAt = params.text('cancel_at');
  account.subscriptions.update(subscription, {
    cancel_at: cancelAt === '' ? null : params.integer('cancel_at', account.ledger.now(), 4_102_444_800),
    cancel_at_period_end: params.flag('cancel_at_period_end'),
    metadata: params.mergedMetadata(subscription.metadata),
  });
  if (price) account.changePrice(subscription, price);
  return subscription;
}

/** What is not used of the old price is always a credit, and the new one is asked for at once. */
function wantedPrice(
  { account, params }: ApiCall,
  subscription: Stripe.Subscription,
): Stripe.Price | undefined {
  const [item, ...more] = params.list('items');
  if (params.oneOf('proration_behavior', ['create_prorations', 'always_invoice', 'none']) === 'none')
    throw invalidRequest('The simulated Stripe always prorates.', 'proration_behavior');
  if (!item) return undefined;
  item.allowOnly(['id', 'price'] satisfies (keyof Stripe.SubscriptionUpdateParams.Item)[]);
  if (more.length > 0 || item.text('id') !== itemOf(subscription).id) {
    const message = 'The simulated Stripe has one item in a subscription: send its id and the new price.';
    throw invalidRequest(message, 'items');
  }
  return account.ledger.getPrice(item.requiredText('price'), 'items[0][price]');
}

function cancel({ account, id, params }: ApiCall): Stripe.Subscription {
  const subscription = account.ledger.getSubscription(id);
  const [invoiceNow, prorate] = [params.flag('invoice_now') ?? false, params.flag('prorate') ?? false];
  // A proration that is not invoiced now stays a pending item, which nothing here would ever invoice.
  account.cancelNow(subscription, invoiceNow && prorate);
  return subscription;
}
