import type { ApiRoute } from './api-route.js';

export const prices: ApiRoute[] = [
  {
    method: 'GET',
    path: '/v1/prices/:id',
    params: [],
    answer: ({ account, id }) => account.ledger.getPrice(id),
  },
];
