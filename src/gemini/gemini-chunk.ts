/** What a response says about itself; null where it does not. */
export interface GeminiUsage {
  /** The version that answers. */
  model: string | null;
  promptTokens: number | null;
  outputTokens: number | null;
}

/** A piece of an answer. Text comes as it is written; what is known only at the end is null until then. */
export interface GeminiChunk extends GeminiUsage {
  text: string;
  finishReason: string | null;
}
