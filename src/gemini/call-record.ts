import { facts } from '../metrics/facts.js';
import { beginSpan, type Span } from '../tracing/tracing.js';
import type { GeminiChunk, GeminiUsage } from './gemini-chunk.js';
import { GeminiAbortedError, GeminiError } from './gemini-error.js';

/** What operators see of one call to the model: how long it took, what it cost and how it ended. None of its words. */
export class CallRecord {
  private readonly begunAt = performance.now();
  private readonly span: Span;
  private firstTokenSeconds: number | null = null;
  private usage: GeminiUsage = { model: null, promptTokens: null, outputTokens: null };
  private finishReason: string | null = null;
  /** Where the reader, or the process, leaves before the end. */
  private outcome = 'aborted';

  /** @param model that is asked */
  constructor(private readonly model: string) {
    this.span = beginSpan(`chat ${model}`, {
      kind: 'client',
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'gcp.gemini',
        'gen_ai.request.model': model,
      },
    });
  }

  add(chunk: GeminiChunk): void {
    if (chunk.text !== '') this.firstTokenSeconds ??= this.seconds();
    this.finishReason = chunk.finishReason ?? this.finishReason;
    if (chunk.finishReason !== null) this.outcome = 'answered';
    this.count(chunk);
  }

  failed(error: GeminiError | GeminiAbortedError): void {
    if (error instanceof GeminiAbortedError) return;
    this.outcome = error.code;
    this.finishReason = error.finishReason ?? this.finishReason;
    if (error.usage !== undefined) this.count(error.usage);
  }

  end(): void {
    const { model, outcome, firstTokenSeconds, finishReason, usage } = this;
    const { promptTokens, outputTokens } = usage;
    facts.modelCalled.tell({
      ...{ model, outcome, firstTokenSeconds, seconds: this.seconds() },
      ...{ promptTokens: promptTokens ?? 0, outputTokens: outputTokens ?? 0 },
    });
    this.span.set({
      ...(usage.model === null ? {} : { 'gen_ai.response.model': usage.model }),
      ...(finishReason === null ? {} : { 'gen_ai.response.finish_reasons': [finishReason] }),
      ...(promptTokens === null ? {} : { 'gen_ai.usage.input_tokens': promptTokens }),
      ...(outputTokens === null ? {} : { 'gen_ai.usage.output_tokens': outputTokens }),
    });
    this.span.end(outcome === 'answered' ? undefined : outcome);
  }

  private count({ model, promptTokens, outputTokens }: GeminiUsage): void {
    this.usage = {
      model: model ?? this.usage.model,
      promptTokens: promptTokens ?? this.usage.promptTokens,
      outputTokens: outputTokens ?? this.usage.outputTokens,
    };
  }

  private seconds(): number {
    return (performance.now() - this.begunAt) / 1000;
  }
}
