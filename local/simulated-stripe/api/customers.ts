import type { Stripe } from 'stripe';
import type { Params } from '../params.js';
import type { ApiRoute } from './api-route.js';

const PARAMS = [
  'email',
  'name',
  'phone',
  'description',
  'metadata',
] as const satisfies (keyof Stripe.CustomerCreateParams & keyof Stripe.CustomerUpdateParams)[];

export const customers: ApiRoute[] = [
  {
    method: 'POST',
    path: '/v1/customers',
    params: PARAMS,
    answer: ({ account, params }) => account.createCustomer(described(params)),
  },
  {
    method: 'GET',
    path: '/v1/customers/:id',
    params: [],
    answer: ({ account, id }) => account.getCustomer(id),
  },
  {
    method: 'POST',
    path: '/v1/customers/:id',
    params: PARAMS,
    answer: ({ account, id, params }) => {
      const customer = account.getCustomer(id);
      return Object.assign(customer, described(params, customer));
    },
  },
];

function described(params: Params, current?: Stripe.Customer) {
  const field = (name: string, before: string | null = null) => {
    const sent = params.text(name);
    return sent === undefined ? before : sent || null;
  };
  return {
    email: field('email', current?.email),
    name: field('name', current?.name),
    phone: field('phone', current?.phone),
    description: field('description', current?.description),
    metadata: params.mergedMetadata(current?.metadata ?? {}),
  };
}
