import type { Stripe } from 'stripe';
import type { StripeAccount } from '../account/stripe-account.js';
import type { Params } from '../params.js';
import { invalidRequest } from '../stripe-api-error.js';

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

export const LIST_PARAMS = [
  'created',
  'limit',
  'starting_after',
  'ending_before',
] as const satisfies (keyof Stripe.CustomerListParams)[];
const DEFAULT_PAGE = 10;
const LARGEST_PAGE = 100;

/** One page of a Stripe list, newest first. https://docs.stripe.com/api/pagination */
export function listOf<T extends { id: string; created: number }>(
  oldestFirst: Iterable<T>,
  url: string,
  params: Params,
): Stripe.ApiList<T> {
  const limit = params.integer('limit', 1, LARGEST_PAGE) ?? DEFAULT_PAGE;
  const [after, before] = [params.text('starting_after'), params.text('ending_before')];
  if (after && before)
    throw invalidRequest('You may only specify one of these parameters: starting_after, ending_before.');
  const isCreated = createdFilter(params);
  const all = [...oldestFirst].filter(({ created }) => isCreated(created)).reverse();
  if (before) {
    const newer = all.slice(0, indexOf(all, before, 'ending_before'));
    return { object: 'list', data: newer.slice(-limit), has_more: newer.length > limit, url };
  }
  const rest = after ? all.slice(indexOf(all, after, 'starting_after') + 1) : all;
  return { object: 'list', data: rest.slice(0, limit), has_more: rest.length > limit, url };
}

function indexOf(all: { id: string }[], id: string, param: string): number {
  const index = all.findIndex((item) => item.id === id);
  if (index !== -1) return index;
  throw invalidRequest(`No such object in this list: '${id}'`, param, 'resource_missing');
}

/** `created=1` or `created[gte]=1&created[lt]=2`. */
function createdFilter(params: Params): (created: number) => boolean {
  if (!params.isNested('created')) {
    const exactly = params.integer('created', 0, Number.MAX_SAFE_INTEGER);
    return (created) => exactly === undefined || created === exactly;
  }
  const range = params.nested('created');
  range.allowOnly(['gt', 'gte', 'lt', 'lte'] satisfies (keyof Stripe.RangeQueryParam)[]);
  const [gt, gte, lt, lte] = ['gt', 'gte', 'lt', 'lte'].map((name) =>
    range.integer(name, 0, Number.MAX_SAFE_INTEGER),
  );
  return (created) =>
    created > (gt ?? -1) &&
    created >= (gte ?? 0) &&
    created < (lt ?? Infinity) &&
    created <= (lte ?? Infinity);
}
