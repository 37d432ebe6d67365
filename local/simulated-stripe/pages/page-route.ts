import type { Answer } from '../http.js';
import type { StripeAccount } from '../stripe-account.js';

export interface PageCall {
  account: StripeAccount;
  id: string;
}

export interface PageRoute {
  method: 'GET' | 'POST';
  path: string;
  answer(call: PageCall): Answer;
}
