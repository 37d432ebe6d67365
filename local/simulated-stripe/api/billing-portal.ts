import type { Stripe } from 'stripe';
import type { ApiRoute } from './api-route.js';

export const billingPortal: ApiRoute[] = [
  {
    method: 'POST',
    path: '/v1/billing_portal/sessions',
    params: ['customer', 'return_url'] satisfies (keyof Stripe.BillingPortal.SessionCreateParams)[],
    answer: ({ account, params }) => {
      const customer = account.ledger.getCustomer(params.requiredText('customer'), 'customer');
      return account.openPortal(customer.id, params.url('return_url') ?? null);
    },
  },
];
