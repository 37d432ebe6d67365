import type { FastifyReply, FastifyRequest } from 'fastify';
import { beginSpan, type Span } from './tracing.js';

const UNMATCHED = 'unmatched';

/**
 * Begins the span of a request, named after its route: paths hold ids, and queries tickets. It ends with the response, or
 * when the client hangs up.
 *
 * A `traceparent` goes on where one of TRUSTED_PROXIES hands it over. Anybody else's is only linked to: they must not
 * choose what is recorded (its flag decides that), nor write into other people's traces.
 */
export function beginRequestSpan(request: FastifyRequest, reply: FastifyReply): Span {
  const { url: route = UNMATCHED } = request.routeOptions;
  const given = request.headers.traceparent;
  const traceparent = typeof given === 'string' ? given : undefined;
  const span = beginSpan(`${request.method} ${route}`, {
    kind: 'server',
    attributes: {
      'http.request.method': request.method,
      'http.route': route,
      'http.request.header.x-request-id': [request.id],
    },
    ...(cameByTrustedProxy(request) ? { parent: traceparent } : { link: traceparent }),
  });
  reply.raw.once('close', () => {
    const { statusCode } = reply.raw;
    span.set({ 'http.response.status_code': statusCode });
    span.end(statusCode >= 500 ? String(statusCode) : reply.raw.writableFinished ? undefined : 'hung up');
  });
  return span;
}

/** Fastify lists addresses beyond the peer's only where that is trusted. */
const cameByTrustedProxy = ({ ips }: FastifyRequest): boolean => (ips?.length ?? 0) > 1;
