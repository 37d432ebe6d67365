import { keepContext, type RequestContext } from '../common/request-context.js';

/** Facts about the work of a span. Never what people write, their numbers, or anything secret. */
export type Attributes = Record<string, string | number | boolean | string[]>;

export interface SpanOptions {
  kind: 'server' | 'producer' | 'consumer' | 'client';
  attributes: Attributes;
  /** The span that this one is a part of, as a W3C `traceparent`; not given: the one whose work is being done. */
  parent?: string | undefined;
  /** A span of somebody else's trace that led to this one. */
  link?: string | undefined;
}

/** A piece of work that is timed, in a trace. */
export interface Span {
  readonly traceId?: string;
  /** W3C Trace Context: what carries the trace over to another process. */
  readonly traceparent?: string;
  set(attributes: Attributes): void;
  /** Does a part of the work: spans that begin in it are below this one. */
  run<T>(work: () => T): T;
  /** @param errorType what went wrong: a code or the name of a class, never words, which may hold anything */
  end(errorType?: string): void;
}

export interface Tracer {
  /** As a root where there is neither a parent nor work being done. */
  begin(name: string, options: SpanOptions): Span;
  /** Delivers what was not delivered yet. */
  end(): Promise<void>;
}

const NO_SPAN: Span = {
  set: () => undefined,
  run: (work) => work(),
  end: () => undefined,
};

/**
 * Tracing as features know it. It costs nothing until main.ts has loaded opentelemetry.ts, which it does only where
 * OTEL_EXPORTER_OTLP_ENDPOINT is set: OpenTelemetry's own way of being off would cost every start its loading.
 */
let tracer: Tracer | undefined;

export function traceWith(given: Tracer): void {
  tracer = given;
  keepContext();
}

export const isTracing = (): boolean => tracer !== undefined;

export const beginSpan = (name: string, options: SpanOptions): Span =>
  tracer?.begin(name, options) ?? NO_SPAN;

export async function endTracing(): Promise<void> {
  await tracer?.end();
}

/** For the log lines of a request or a job: the trace that they belong to. */
export const traceOf = ({ traceId }: Span): Pick<RequestContext, 'traceId'> =>
  traceId === undefined ? {} : { traceId };
