import { Logger } from '@nestjs/common';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node';

/** An exporter whose failures are told once, and again when they are over: a collector that is away stays away. */
export class ToldExporter implements SpanExporter {
  private readonly logger = new Logger('Tracing');
  private failing = false;

  constructor(private readonly exporter: SpanExporter) {}

  export(spans: ReadableSpan[], onResult: Parameters<SpanExporter['export']>[1]): void {
    this.exporter.export(spans, (result) => {
      const { error } = result;
      if (error !== undefined && !this.failing) {
        this.logger.warn({ err: error }, 'Traces cannot be delivered, and are lost until they can');
      }
      if (error === undefined && this.failing) this.logger.log('Traces are delivered again');
      this.failing = error !== undefined;
      onResult(result);
    });
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }
}
