import type { Stripe } from 'stripe';
import type { Amounts } from './amounts.js';
import { newId, nulls } from './make.js';

/** https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at */
const LIFETIME_SECONDS = 24 * 60 * 60;

export type SessionTerms = Pick<
  Stripe.Checkout.Session,
  | 'allow_promotion_codes'
  | 'billing_address_collection'
  | 'cancel_url'
  | 'client_reference_id'
  | 'customer'
  | 'customer_email'
  | 'locale'
  | 'metadata'
  | 'payment_method_collection'
  | 'success_url'
> & { expires_at: number | undefined; taxed: boolean; currency: string; amounts: Amounts };

export function makeSession(terms: SessionTerms, created: number, baseUrl: string): Stripe.Checkout.Session {
  const { amounts, currency, taxed, ...given } = terms;
  const id = newId('cs_test');
  return {
    ...nulls('adaptive_pricing', 'after_expiration', 'allowed_payment_method_types'),
    ...nulls('client_secret', 'collected_information', 'consent'),
    ...nulls(
      'consent_collection',
      'currency_conversion',
      'customer_account',
      'customer_details',
      'discounts',
    ),
    ...nulls('integration_identifier', 'invoice', 'invoice_creation', 'managed_payments'),
    ...nulls('origin_context', 'payment_intent', 'payment_link', 'payment_method_configuration_details'),
    ...nulls('payment_method_options', 'permissions', 'recovered_from', 'saved_payment_method_options'),
    ...nulls('setup_intent', 'shipping_address_collection', 'shipping_cost', 'submit_type', 'subscription'),
    ...nulls('wallet_options'),
    ...given,
    id,
    object: 'checkout.session',
    ...sessionAmounts(amounts),
    automatic_tax: { enabled: taxed, liability: null, provider: null, status: taxed ? 'complete' : null },
    created,
    currency,
    custom_fields: [],
    custom_text: nulls('after_submit', 'shipping_address', 'submit', 'terms_of_service_acceptance'),
    customer_creation: given.customer ? null : 'always',
    expires_at: given.expires_at ?? created + LIFETIME_SECONDS,
    livemode: false,
    mode: 'subscription',
    payment_method_types: ['card'],
    payment_status: 'unpaid',
    shipping_options: [],
    status: 'open',
    ui_mode: 'hosted_page',
    url: hostedPageUrl(baseUrl, id),
  };
}

/** What is due today. */
export function sessionAmounts({ subtotal, discount, tax, total }: Amounts) {
  return {
    amount_subtotal: subtotal,
    amount_total: total,
    total_details: { amount_discount: discount, amount_shipping: 0, amount_tax: tax },
  };
}

export function hostedPageUrl(baseUrl: string, sessionId: string): string {
  return `${baseUrl}/c/pay/${sessionId}`;
}
