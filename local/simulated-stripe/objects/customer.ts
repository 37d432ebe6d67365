import type { Stripe } from 'stripe';
import { newId, now, nulls } from './make.js';

export function makeCustomer(
  given: Pick<Stripe.Customer, 'email' | 'name' | 'phone' | 'description' | 'metadata'>,
): Stripe.Customer {
  return {
    ...nulls('address', 'currency', 'default_source', 'discount', 'shipping', 'test_clock'),
    ...given,
    id: newId('cus'),
    object: 'customer',
    balance: 0,
    created: now(),
    delinquent: false,
    invoice_settings: nulls('custom_fields', 'default_payment_method', 'footer', 'rendering_options'),
    livemode: false,
    preferred_locales: [],
    tax_exempt: 'none',
  };
}
