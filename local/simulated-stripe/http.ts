import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Request {
  method: string;
  /** Without the query: `/v1/subscriptions`. */
  pathname: string;
  query: string;
  body: string;
  headers: IncomingMessage['headers'];
}

export interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  body: string;
}

export async function readRequest(incoming: IncomingMessage): Promise<Request> {
  const [pathname = '/', query = ''] = (incoming.url ?? '/').split('?', 2);
  return {
    method: incoming.method ?? 'GET',
    pathname,
    query,
    body: await text(incoming),
    headers: incoming.headers,
  };
}

export function write(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers).end(body);
}

/** The row of a route table for this request, and what stands in the place of its `:id`. */
export function findRoute<Route extends { method: string; path: string }>(
  routes: readonly Route[],
  { method, pathname }: Pick<Request, 'method' | 'pathname'>,
): { route: Route; id: string } | undefined {
  for (const route of routes) {
    if (route.method !== method) continue;
    const match = new RegExp(`^${route.path.replace(':id', '([^/]+)')}$`).exec(pathname);
    if (match) return { route, id: match[1] ?? '' };
  }
  return undefined;
}
