import type { Stripe } from 'stripe';
import { noSuch } from '../stripe-api-error.js';
import { type ApiCall, type ApiRoute, LIST_PARAMS, listOf } from './api-route.js';

/** For asking for what a webhook did not bring. Stripe has events for 30 days, here they stay. */
export const events: ApiRoute[] = [
  {
    method: 'GET',
    path: '/v1/events',
    params: ['delivery_success', 'type', 'types', ...LIST_PARAMS] satisfies (keyof Stripe.EventListParams)[],
    answer: list,
  },
  { method: 'GET', path: '/v1/events/:id', params: [], answer: retrieve },
];

function list({ account, params }: ApiCall): Stripe.ApiList<Stripe.Event> {
  const [type, types] = [params.text('type'), params.texts('types')];
  const delivered = params.flag('delivery_success');
  const found = account.ledger.store.events
    .filter((event) => !type || matches(type, event.type))
    .filter((event) => !types || types.includes(event.type))
    .filter((event) => delivered === undefined || (event.pending_webhooks === 0) === delivered);
  return listOf(found, '/v1/events', params);
}

/** `invoice.*` is every event whose type begins with `invoice.`. */
function matches(wanted: string, type: string): boolean {
  return wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}

function retrieve({ account, id }: ApiCall): Stripe.Event {
  const event = account.ledger.store.events.find((each) => each.id === id);
  if (event) return event;
  throw noSuch('event', id);
}
