import type { Stripe } from 'stripe';
import { newId, nulls } from './make.js';

export function makePortalSession(
  customer: string,
  returnUrl: string | null,
  created: number,
  baseUrl: string,
): Stripe.BillingPortal.Session {
  const id = newId('bps');
  return {
    ...nulls('customer_account', 'flow', 'locale', 'on_behalf_of'),
    id,
    object: 'billing_portal.session',
    configuration: 'bpc_simulated',
    created,
    customer,
    livemode: false,
    return_url: returnUrl,
    url: portalUrl(baseUrl, id),
  };
}

export function portalUrl(baseUrl: string, id: string): string {
  return `${baseUrl}/p/session/${id}`;
}
