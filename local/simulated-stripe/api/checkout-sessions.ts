import type { Stripe } from 'stripe';
import { DAY } from '../objects/period.js';
import type { Params } from '../params.js';
import { invalidRequest } from '../stripe-api-error.js';
import { type ApiCall, type ApiRoute, LIST_PARAMS, listOf } from './api-route.js';

const CREATE_PARAMS = [
  'allow_promotion_codes',
  'automatic_tax',
  'billing_address_collection',
  'cancel_url',
  'client_reference_id',
  'customer',
  'customer_email',
  'customer_update',
  'expires_at',
  'line_items',
  'locale',
  'metadata',
  'mode',
  'payment_method_collection',
  'subscription_data',
  'success_url',
] as const satisfies (keyof Stripe.Checkout.SessionCreateParams)[];

/** https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at */
const [SHORTEST_LIFE, LONGEST_LIFE] = [30 * 60, DAY];
const LONGEST_TRIAL_DAYS = 730;

export const checkoutSessions: ApiRoute[] = [
  { method: 'POST', path: '/v1/checkout/sessions', params: CREATE_PARAMS, answer: create },
  {
    method: 'GET',
    path: '/v1/checkout/sessions',
    params: [
      'customer',
      'status',
      'subscription',
      ...LIST_PARAMS,
    ] satisfies (keyof Stripe.Checkout.SessionListParams)[],
    answer: list,
  },
  {
    method: 'GET',
    path: '/v1/checkout/sessions/:id',
    params: [],
    answer: ({ account, id }) => account.ledger.getOrder(id).session,
  },
  {
    method: 'POST',
    path: '/v1/checkout/sessions/:id/expire',
    params: [],
    answer: ({ account, id }) => {
      const { session } = account.ledger.getOrder(id);
      account.checkouts.expire(session);
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
  const successUrl = params.url('success_url');
  if (!successUrl)
    throw invalidRequest('Missing required param: success_url.', 'success_url', 'parameter_missing');
  const customer = params.text('customer');
  return account.checkouts.open(
    {
      allow_promotion_codes: params.flag('allow_promotion_codes') ?? null,
      billing_address_collection: params.oneOf('billing_address_collection', ['auto', 'required']) ?? null,
      cancel_url: params.url('cancel_url') ?? null,
      client_reference_id: params.text('client_reference_id') ?? null,
      customer: customer ? account.ledger.getCustomer(customer, 'customer').id : null,
      customer_email: params.text('customer_email') ?? null,
      expires_at: expiresAt(params, account.ledger.now()),
      locale: params.text('locale') ?? null,
      metadata: params.mergedMetadata({}),
      payment_method_collection:
        params.oneOf('payment_method_collection', ['always', 'if_required']) ?? 'always',
      success_url: successUrl,
      taxed: isTaxed(params, customer),
    },
    {
      priceId: account.ledger.getPrice(item.requiredText('price'), 'line_items[0][price]').id,
      quantity: item.integer('quantity', 1, 999_999) ?? 1,
      ...subscriptionData(params.nested('subscription_data')),
    },
  );
}

function subscriptionData(data: Params) {
  data.allowOnly([
    'metadata',
    'trial_period_days',
    'trial_settings',
  ] satisfies (keyof Stripe.Checkout.SessionCreateParams.SubscriptionData)[]);
  const settings = data.nested('trial_settings');
  settings.allowOnly(['end_behavior']);
  const behaviour = settings.nested('end_behavior');
  behaviour.allowOnly(['missing_payment_method']);
  return {
    subscriptionMetadata: data.mergedMetadata({}),
    trialDays: data.integer('trial_period_days', 1, LONGEST_TRIAL_DAYS),
    missingPaymentMethod:
      behaviour.oneOf('missing_payment_method', ['cancel', 'create_invoice', 'pause']) ?? 'create_invoice',
  };
}

function expiresAt(params: Params, now: number): number | undefined {
  const at = params.integer('expires_at', 0, Number.MAX_SAFE_INTEGER);
  // A minute of slack: the app's clock is not Stripe's.
  if (at === undefined || (at >= now + SHORTEST_LIFE - 60 && at <= now + LONGEST_LIFE + 60)) return at;
  throw invalidRequest(
    'The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.',
    'expires_at',
  );
}

/** Where a customer is known but not where they live, Stripe wants to be allowed to keep the address they type. */
function isTaxed(params: Params, customer: string | undefined): boolean {
  const tax = params.nested('automatic_tax');
  tax.allowOnly(['enabled'] satisfies (keyof Stripe.Checkout.SessionCreateParams.AutomaticTax)[]);
  const update = params.nested('customer_update');
  update.allowOnly([
    'address',
    'name',
    'shipping',
  ] satisfies (keyof Stripe.Checkout.SessionCreateParams.CustomerUpdate)[]);
  const taxed = tax.flag('enabled') ?? false;
  if (taxed && customer && update.oneOf('address', ['auto', 'never']) !== 'auto') {
    throw invalidRequest(
      "Automatic tax calculation in Checkout requires a valid address on the Customer. Set `customer_update[address]` to 'auto' to save the address entered in Checkout to the Customer.",
      undefined,
      'customer_tax_location_invalid',
    );
  }
  return taxed;
}

function list({ account, params }: ApiCall): Stripe.ApiList<Stripe.Checkout.Session> {
  const [customer, status] = [params.text('customer'), params.text('status')];
  const subscription = params.text('subscription');
  if (customer) account.ledger.getCustomerOrDeleted(customer, 'customer');
  const found = [...account.ledger.store.orders.values()]
    .map(({ session }) => session)
    .filter((session) => !customer || session.customer === customer)
    .filter((session) => !subscription || session.subscription === subscription)
    .filter((session) => !status || session.status === status);
  return listOf(found, '/v1/checkout/sessions', params);
}
