import type { IncomingMessage } from 'node:http';
import { ApiError, type Content, type GeminiMethod, type RequestBody } from './wire.js';

/** Google's limit for a request with inline data: 20 MiB. */
const MAX_BODY_BYTES = 20 * 1024 * 1024;
const METHODS: readonly string[] = ['generateContent', 'streamGenerateContent', 'countTokens'];

export interface Target {
  model: string;
  method: GeminiMethod;
  /** `alt=sse`; without it Google streams one JSON array. */
  sse: boolean;
}

/** A body that passed validation. */
export interface Prompt {
  contents: Content[];
  systemInstruction: string;
  /** Tokens; undefined: no limit. */
  maxOutputTokens: number | undefined;
}

/** Reads the path `/v1beta/models/{model}:{method}`; any other path is a 404. Says nothing of the model. */
export function targetOf(request: IncomingMessage): Target {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const match = /^\/v1beta\/models\/([^/:]+):(\w+)$/.exec(url.pathname);
  const [, model, method] = match ?? [];
  if (request.method !== 'POST' || model === undefined || method === undefined || !METHODS.includes(method)) {
    throw new ApiError(404, 'NOT_FOUND', 'Requested entity was not found.');
  }
  return {
    model: decodeURIComponent(model),
    method: method as GeminiMethod,
    sse: url.searchParams.get('alt') === 'sse',
  };
}

export function checkModel({ model, method }: Target): void {
  if (/^gemini-[a-z0-9.-]+$/.test(model)) return;
  throw new ApiError(
    404,
    'NOT_FOUND',
    `models/${model} is not found for API version v1beta, or is not supported for ${method}. ` +
      'Call ListModels to see the list of available models and their supported methods.',
  );
}

export function checkKey(request: IncomingMessage, apiKey: string | undefined): void {
  if (apiKey === undefined || request.headers['x-goog-api-key'] === apiKey) return;
  const message = 'API key not valid. Please pass a valid API key.';
  throw new ApiError(400, 'INVALID_ARGUMENT', message, [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'API_KEY_INVALID',
      domain: 'googleapis.com',
      metadata: { service: 'generativelanguage.googleapis.com' },
    },
    { '@type': 'type.googleapis.com/google.rpc.LocalizedMessage', locale: 'en-US', message },
  ]);
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      throw invalid(`Request payload size exceeds the limit: ${MAX_BODY_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

export function parseJson(text: string): RequestBody {
  try {
    const body: unknown = JSON.parse(text);
    if (isObject(body)) return body;
  } catch {
    // Refused below, as any other payload that is not an object.
  }
  const description = 'Invalid JSON payload received. Unexpected token.';
  throw new ApiError(400, 'INVALID_ARGUMENT', description, [
    { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ description }] },
  ]);
}

/** @throws ApiError 400 where Google refuses the request. */
export function promptOf(method: GeminiMethod, body: RequestBody): Prompt {
  if (method === 'countTokens' && body.generateContentRequest) {
    if (body.contents) throw invalid('Both contents and generateContentRequest are set; set exactly one.');
    return promptOf(method, body.generateContentRequest);
  }
  const contents: unknown = body.contents;
  if (!Array.isArray(contents) || contents.length === 0) {
    throw invalid('* GenerateContentRequest.contents: contents is not specified\n');
  }
  const checked = contents.map(contentOf);
  if (checked.at(-1)?.role === 'model') {
    throw invalid('Please ensure that multiturn requests end with a user role or a function response.');
  }
  const system = body.systemInstruction ?? (body as { system_instruction?: Content }).system_instruction;
  return {
    contents: checked,
    systemInstruction: system ? textOf(partsOf(system, 'system_instruction')) : '',
    maxOutputTokens: body.generationConfig?.maxOutputTokens,
  };
}

export function textOf(content: Content): string {
  return content.parts.map((part) => part.text ?? '').join('');
}

function contentOf(value: unknown, index: number): Content {
  const content = partsOf(value, `contents[${index}]`);
  if (content.role !== undefined && content.role !== 'user' && content.role !== 'model') {
    throw invalid('Please use a valid role: user, model.');
  }
  return content;
}

function partsOf(value: unknown, at: string): Content {
  const parts: unknown = isObject(value) && 'parts' in value ? value.parts : undefined;
  if (!Array.isArray(parts) || parts.length === 0) {
    throw invalid(`* GenerateContentRequest.${at}.parts: contents.parts must not be empty.\n`);
  }
  for (const [index, part] of (parts as unknown[]).entries()) {
    if (!isObject(part) || Object.keys(part).length === 0) {
      throw invalid(
        `* GenerateContentRequest.${at}.parts[${index}].data: required oneof field 'data' must have one initialized field\n`,
      );
    }
    if ('text' in part && typeof part.text !== 'string') {
      throw invalid(`Invalid value at '${at}.parts[${index}].text' (TYPE_STRING)`);
    }
  }
  return value as Content;
}

function invalid(message: string): ApiError {
  return new ApiError(400, 'INVALID_ARGUMENT', message);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
