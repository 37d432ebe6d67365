import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A span as a collector gets it. */
export interface CollectedSpan {
  service: string;
  name: string;
  /** 2: server, 3: client, 4: producer, 5: consumer (OTLP's SpanKind). */
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  failed: boolean;
}

/** Stands in for an OpenTelemetry collector: OTLP over HTTP, in JSON. */
export interface TraceCollector {
  url: string;
  spans: CollectedSpan[];
  /** Everything that came, as it came. */
  bodies: string[];
  close(): Promise<void>;
}

interface KeyValue {
  key: string;
  value: Record<string, unknown>;
}

interface Exported {
  resourceSpans: {
    resource: { attributes: KeyValue[] };
    scopeSpans: {
      spans: (Pick<CollectedSpan, 'name' | 'kind' | 'traceId' | 'spanId' | 'parentSpanId'> & {
        attributes: KeyValue[];
        links?: CollectedSpan['links'];
        status: { code?: number };
      })[];
    }[];
  }[];
}

const STATUS_ERROR = 2;

export async function startTraceCollector(port = 0): Promise<TraceCollector> {
  const [spans, bodies]: [CollectedSpan[], string[]] = [[], []];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.url === '/v1/traces') {
        bodies.push(body);
        spans.push(...spansOf(JSON.parse(body) as Exported));
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function spansOf({ resourceSpans }: Exported): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap((scope) => scope.spans)
      .map(({ name, kind, traceId, spanId, parentSpanId, attributes, links = [], status }) => ({
        ...{ name, kind, traceId, spanId, parentSpanId, links },
        service: String(valuesOf(resource.attributes)['service.name']),
        attributes: valuesOf(attributes),
        failed: status.code === STATUS_ERROR,
      })),
  );
}

const valuesOf = (attributes: readonly KeyValue[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
