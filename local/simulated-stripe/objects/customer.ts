import type { Stripe } from 'stripe';
import { newId, nulls } from './make.js';

export type CustomerFields = Pick<
  Stripe.Customer,
  'email' | 'name' | 'phone' | 'description' | 'metadata' | 'preferred_locales'
>;

export function makeCustomer(given: CustomerFields, created: number): Stripe.Customer {
  return {
    ...nulls('address', 'currency', 'default_source', 'discount', 'shipping', 'test_clock'),
    ...given,
    id: newId('cus'),
    object: 'customer',
    balance: 0,
    created,
    delinquent: false,
    invoice_settings: nulls('custom_fields', 'default_payment_method', 'footer', 'rendering_options'),
    livemode: false,
    tax_exempt: 'none',
  };
}
