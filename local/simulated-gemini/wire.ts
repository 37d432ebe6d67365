/** What goes over the wire: the parts of Google's JSON (v1beta) that this stand-in reads and writes. */

export interface Part {
  text?: string;
  /** The model's own thinking: not for the person who asked. */
  thought?: boolean;
  thoughtSignature?: string;
}

export interface Content {
  /** `user` or `model`; Google reads a missing role as `user`. */
  role?: string;
  parts: Part[];
}

export type GeminiMethod = 'generateContent' | 'streamGenerateContent' | 'countTokens';

/** A request body as it was sent. When the call was refused as invalid, it may not have this shape. */
export interface RequestBody {
  contents?: Content[];
  systemInstruction?: Content;
  generationConfig?: { maxOutputTokens?: number } & Record<string, unknown>;
  safetySettings?: { category: string; threshold: string }[];
  /** Only in `countTokens`. */
  generateContentRequest?: RequestBody;
}

export interface UsageMetadata {
  promptTokenCount: number;
  candidatesTokenCount?: number;
  thoughtsTokenCount?: number;
  totalTokenCount: number;
}

export interface GenerateResponse {
  candidates?: { content?: Content; finishReason?: string; index: number }[];
  promptFeedback?: { blockReason: string };
  usageMetadata?: UsageMetadata;
  modelVersion?: string;
  responseId?: string;
  /** A frame in mid-stream that says that the call failed after all. */
  error?: ErrorStatus;
}

export interface ErrorStatus {
  code: number;
  message: string;
  status: string;
  details?: object[];
}

/** An answer that is not 200: everything that goes on the wire. */
export interface Refusal {
  status: number;
  contentType: string;
  body: string;
}

/** A call that Google answers with `{error: {code, message, status, details}}`. */
export class ApiError extends Error {
  constructor(
    readonly code: number,
    readonly status: string,
    message: string,
    readonly details?: object[],
  ) {
    super(message);
  }

  toStatus(): ErrorStatus {
    return {
      code: this.code,
      message: this.message,
      status: this.status,
      ...(this.details && { details: this.details }),
    };
  }

  /** @param inArray Google sometimes sends `[{error}]`, which SDKs do not expect. */
  toRefusal(inArray = false): Refusal {
    const body = { error: this.toStatus() };
    return {
      status: this.code,
      contentType: 'application/json; charset=UTF-8',
      body: toJson(inArray ? [body] : body),
    };
  }
}

/** JSON escaped as Google's serializer does it: `<`, `>` and the two line separators never appear bare. */
export function toJson(value: object): string {
  return JSON.stringify(value).replace(
    /[<>\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
