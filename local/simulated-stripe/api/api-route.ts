import type { Stripe } from 'stripe';
import type { Params } from '../params.js';
import type { StripeAccount } from '../stripe-account.js';

export interface ApiCall {
  account: StripeAccount;
  params: Params;
  /** What stands in the place of `:id` in the path; empty when the path has none. */
  id: string;
}

/** One line of the API's table. `params` are the ones it understands; a request with any other is refused. */
export interface ApiRoute {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  params: readonly string[];
  answer(call: ApiCall): object;
}

export const PAGE_PARAMS = ['limit', 'starting_after'] as const satisfies (keyof Stripe.PaginationParams)[];
const DEFAULT_PAGE = 10;
const LARGEST_PAGE = 100;

/** One page of a Stripe list, newest first. https://docs.stripe.com/api/pagination */
export function listOf<T extends { id: string }>(
  oldestFirst: T[],
  url: string,
  params: Params,
): Stripe.ApiList<T> {
  const limit = params.integer('limit', 1, LARGEST_PAGE) ?? DEFAULT_PAGE;
  const after = params.text('starting_after');
  const rest = oldestFirst.toReversed();
  if (after) rest.splice(0, rest.findIndex((item) => item.id === after) + 1);
  return { object: 'list', data: rest.slice(0, limit), has_more: rest.length > limit, url };
}
