import type { Answer } from '../http.js';
import type { Params } from '../params.js';
import type { StripeAccount } from '../account/stripe-account.js';

export interface PageCall {
  account: StripeAccount;
  id: string;
  /** What was typed into a form. */
  form: Params;
}

export interface PageRoute {
  method: 'GET' | 'POST';
  path: string;
  answer(call: PageCall): Answer;
}
