import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { requests } from './prometheus.js';

/** What the label says where a client made up the method, and of requests that meet no route. */
const OTHER = 'other';
const UNMATCHED = 'unmatched';
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

type OnResponse = (request: FastifyRequest, reply: FastifyReply, done: () => void) => void;

/**
 * Measures every request that is answered in full; who hangs up before is not counted. To be called before there are
 * routes: each gets a hook of its own, which knows its labels.
 */
export function measureRequests(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route: RouteOptions) => {
    const own = [route.onResponse ?? []].flat() as OnResponse[];
    route.onResponse = [observer(route.url), ...own];
  });
  const unmatched = observer(UNMATCHED);
  fastify.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    if (request.is404) unmatched(request, reply, done);
    else done();
  });
}

function observer(route: string): OnResponse {
  const series = new Map<string, ReturnType<typeof requests.labels>>();
  return (request, reply, done) => {
    const method = METHODS.has(request.method) ? request.method : OTHER;
    const status = reply.statusCode;
    const key = `${method} ${status}`;
    let one = series.get(key);
    if (one === undefined) {
      one = requests.labels({ method, route, status });
      series.set(key, one);
    }
    one.observe(reply.elapsedTime / 1000);
    done();
  };
}
