import type { Stripe } from 'stripe';
import { newId, now, nulls } from './make.js';

/** https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at */
const LIFETIME_SECONDS = 24 * 60 * 60;

export type SessionTerms = Pick<
  Stripe.Checkout.Session,
  'customer' | 'customer_email' | 'client_reference_id' | 'metadata' | 'success_url' | 'cancel_url'
> & { amount: number; currency: string };

export function makeSession(terms: SessionTerms, baseUrl: string): Stripe.Checkout.Session {
  const { amount, currency, ...given } = terms;
  const id = newId('cs_test');
  const created = now();
  return {
    ...nulls('adaptive_pricing', 'after_expiration', 'allow_promotion_codes', 'allowed_payment_method_types'),
    ...nulls('billing_address_collection', 'client_secret', 'collected_information', 'consent'),
    ...nulls(
      'consent_collection',
      'currency_conversion',
      'customer_account',
      'customer_details',
      'discounts',
    ),
    ...nulls('integration_identifier', 'invoice', 'invoice_creation', 'locale', 'managed_payments'),
    ...nulls('origin_context', 'payment_intent', 'payment_link', 'payment_method_configuration_details'),
    ...nulls('payment_method_options', 'permissions', 'recovered_from', 'saved_payment_method_options'),
    ...nulls('setup_intent', 'shipping_address_collection', 'shipping_cost', 'submit_type', 'subscription'),
    ...nulls('wallet_options'),
    ...given,
    id,
    object: 'checkout.session',
    amount_subtotal: amount,
    amount_total: amount,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    created,
    currency,
    custom_fields: [],
    custom_text: nulls('after_submit', 'shipping_address', 'submit', 'terms_of_service_acceptance'),
    customer_creation: given.customer ? null : 'always',
    expires_at: created + LIFETIME_SECONDS,
    livemode: false,
    mode: 'subscription',
    payment_method_collection: 'always',
    payment_method_types: ['card'],
    payment_status: 'unpaid',
    shipping_options: [],
    status: 'open',
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: hostedPageUrl(baseUrl, id),
  };
}

export function hostedPageUrl(baseUrl: string, sessionId: string): string {
  return `${baseUrl}/c/pay/${sessionId}`;
}
