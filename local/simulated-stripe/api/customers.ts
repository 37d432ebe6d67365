import type { Stripe } from 'stripe';
import type { CustomerFields } from '../objects/customer.js';
import type { Params } from '../params.js';
import { type ApiRoute, LIST_PARAMS, listOf } from './api-route.js';

const PARAMS = [
  'email',
  'name',
  'phone',
  'description',
  'metadata',
  'preferred_locales',
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
    path: '/v1/customers',
    params: ['email', ...LIST_PARAMS] satisfies (keyof Stripe.CustomerListParams)[],
    answer: ({ account, params }) => {
      const email = params.text('email');
      const found = [...account.ledger.store.customers.values()].filter(
        (customer) => !email || customer.email === email,
      );
      return listOf(found, '/v1/customers', params);
    },
  },
  {
    method: 'GET',
    path: '/v1/customers/:id',
    params: [],
    answer: ({ account, id }) => account.ledger.getCustomerOrDeleted(id),
  },
  {
    method: 'POST',
    path: '/v1/customers/:id',
    params: PARAMS,
    answer: ({ account, id, params }) => {
      const customer = account.ledger.getCustomer(id);
      return Object.assign(customer, described(params, customer));
    },
  },
  {
    method: 'DELETE',
    path: '/v1/customers/:id',
    params: [],
    answer: ({ account, id }) => account.deleteCustomer(account.ledger.getCustomer(id)),
  },
];

function described(params: Params, current?: Stripe.Customer): CustomerFields {
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
    preferred_locales: params.texts('preferred_locales') ?? current?.preferred_locales ?? [],
  };
}
