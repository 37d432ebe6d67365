import { setTimeout } from 'node:timers/promises';
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { ToldExporter } from './told-exporter.js';
import type { Span, SpanOptions, Tracer } from './tracing.js';

const SERVICE_NAME = 'gemini-chat-backend';
/** A process that stops does not wait for a collector that is away. */
const END_TIMEOUT_MS = 2000;

const KINDS = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
} as const;

/**
 * Spans by OpenTelemetry, which reads its own settings: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER,
 * OTEL_BSP_…, OTEL_EXPORTER_OTLP_…. The few spans are begun in our own code: instrumentation that patches libraries as
 * they are loaded is fragile with ES modules, and attaches what we do not want to leave (URLs, statements).
 */
export function openTelemetry(): Tracer {
  const provider = new NodeTracerProvider({
    // Who names the service in the environment wins.
    resource: resourceFromAttributes({ 'service.name': SERVICE_NAME }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    spanProcessors: [new BatchSpanProcessor(new ToldExporter(new OTLPTraceExporter()))],
  });
  provider.register();
  const tracer = provider.getTracer(SERVICE_NAME);
  return {
    begin(name, { kind, attributes, parent, link }: SpanOptions) {
      const linked = link === undefined ? undefined : trace.getSpanContext(contextOf(link));
      const above = parent === undefined ? context.active() : contextOf(parent);
      const span = tracer.startSpan(
        name,
        { kind: KINDS[kind], attributes, links: linked === undefined ? [] : [{ context: linked }] },
        above,
      );
      return asSpan(span, trace.setSpan(above, span));
    },
    end: () => Promise.race([provider.shutdown(), setTimeout(END_TIMEOUT_MS, undefined, { ref: false })]),
  };
}

function asSpan(span: OtelSpan, within: Context): Span {
  const carrier: { traceparent?: string } = {};
  propagation.inject(within, carrier);
  return {
    traceId: span.spanContext().traceId,
    ...carrier,
    set: (attributes) => span.setAttributes(attributes),
    run: (work) => context.with(within, work),
    end: (errorType) => {
      if (errorType !== undefined) {
        span.setAttribute('error.type', errorType).setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

/** What a `traceparent` says; with one that says nothing, the span becomes a root. */
const contextOf = (traceparent: string): Context => propagation.extract(ROOT_CONTEXT, { traceparent });
