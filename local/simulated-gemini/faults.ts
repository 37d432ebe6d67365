import { clip } from './reply.js';
import { ApiError, type ErrorStatus, type Refusal } from './wire.js';

/** Everything that can go wrong with a call to `generateContent` or `streamGenerateContent`. */
export type Fault =
  /** 429. Without `retryAfterSeconds` there is no RetryInfo, which Google also sends. */
  | { kind: 'rate-limited'; retryAfterSeconds?: number }
  /** 429 until midnight, with a RetryInfo that is no help: also as Google does. */
  | { kind: 'daily-quota' }
  /** 503. */
  | { kind: 'unavailable' }
  /** 500; `inArray` sends `[{error}]`. */
  | { kind: 'internal'; inArray?: boolean }
  /** 502 with a body of HTML, as a load balancer sends it. */
  | { kind: 'bad-gateway' }
  /** 400 INVALID_ARGUMENT. */
  | { kind: 'invalid' }
  /** 400 whose message says that the input token count exceeds the maximum. */
  | { kind: 'context-too-long' }
  /** 200 with no candidates and `promptFeedback.blockReason` (default SAFETY). */
  | { kind: 'blocked-prompt'; blockReason?: string }
  /** Some text, then a finish reason that withdraws it (default SAFETY). */
  | { kind: 'blocked-answer'; finishReason?: string }
  /** Half of the text and a proper end of file, but no finish reason; `midFrame` ends inside a frame. */
  | { kind: 'truncated'; midFrame?: boolean }
  /** Half of the text, finish reason MAX_TOKENS. */
  | { kind: 'max-tokens' }
  /** STOP with no text. */
  | { kind: 'empty' }
  /** All of the text, and a finish reason that no client has heard of. */
  | { kind: 'unknown-finish-reason'; finishReason?: string }
  /** A good answer, `ms` milliseconds late (instead of `firstTokenMs`). */
  | { kind: 'slow'; ms: number }
  /** Not one byte until the client goes away. */
  | { kind: 'hang' }
  /** Half of the text, then not one byte until the client goes away. */
  | { kind: 'stall' }
  /** The socket is destroyed in mid-stream. */
  | { kind: 'reset' }
  /** Half of the text, then an `{error}` frame; a unary call gets it as an HTTP 500. */
  | { kind: 'error-mid-stream' };

export interface Answer {
  text: string;
  /** Undefined: the stream ends without one. */
  finishReason: string | undefined;
  /** Set: there are no candidates. */
  blockReason?: string;
  /** Sent as a frame of its own after the text. */
  error?: ErrorStatus;
  ending: 'complete' | 'mid-frame' | 'reset' | 'stall';
  /** Milliseconds before the first byte, where it is not the usual. */
  waitMs?: number;
}

export type Behaviour = { refusal: Refusal } | { answer: Answer } | 'hang';

/** What is done about a call whose good reply would be `text`; half of it goes out before a late failure. */
export function behaviourOf(fault: Fault, text: string, model: string): Behaviour {
  const half = clip(text, Math.floor(text.length / 2));
  switch (fault.kind) {
    case 'rate-limited':
      return { refusal: rateLimited(model, fault.retryAfterSeconds).toRefusal() };
    case 'daily-quota':
      return { refusal: quotaExceeded(model, 'GenerateRequestsPerDayPerProjectPerModel', 39).toRefusal() };
    case 'unavailable':
      return {
        refusal: new ApiError(
          503,
          'UNAVAILABLE',
          'The model is overloaded. Please try again later.',
        ).toRefusal(),
      };
    case 'internal':
      return { refusal: internal().toRefusal(fault.inArray) };
    case 'bad-gateway':
      return {
        refusal: { status: 502, contentType: 'text/html', body: '<html><h1>502 Bad Gateway</h1></html>' },
      };
    case 'invalid':
      return {
        refusal: new ApiError(400, 'INVALID_ARGUMENT', 'Request contains an invalid argument.').toRefusal(),
      };
    case 'context-too-long':
      return { refusal: contextTooLong().toRefusal() };
    case 'blocked-prompt':
      return { answer: { ...complete('', undefined), blockReason: fault.blockReason ?? 'SAFETY' } };
    case 'blocked-answer':
      return { answer: complete(half, fault.finishReason ?? 'SAFETY') };
    case 'truncated':
      return {
        answer: { ...complete(half, undefined), ending: fault.midFrame ? 'mid-frame' : 'complete' },
      };
    case 'max-tokens':
      return { answer: complete(half, 'MAX_TOKENS') };
    case 'empty':
      return { answer: complete('', 'STOP') };
    case 'unknown-finish-reason':
      return { answer: complete(text, fault.finishReason ?? 'TIRED_OF_TALKING') };
    case 'slow':
      return { answer: { ...complete(text, 'STOP'), waitMs: fault.ms } };
    case 'hang':
      return 'hang';
    case 'stall':
    case 'reset':
      return { answer: { ...complete(half, undefined), ending: fault.kind } };
    case 'error-mid-stream':
      return { answer: { ...complete(half, undefined), error: internal().toStatus() } };
  }
}

export function complete(text: string, finishReason: string | undefined): Answer {
  return { text, finishReason, ending: 'complete' };
}

function internal(): ApiError {
  return new ApiError(500, 'INTERNAL', 'An internal error has occurred. Please retry or report the problem.');
}

function contextTooLong(): ApiError {
  return new ApiError(
    400,
    'INVALID_ARGUMENT',
    'The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).',
  );
}

function rateLimited(model: string, retryAfterSeconds: number | undefined): ApiError {
  if (retryAfterSeconds === undefined) {
    return new ApiError(429, 'RESOURCE_EXHAUSTED', 'Resource has been exhausted (e.g. check quota).');
  }
  return quotaExceeded(model, 'GenerateRequestsPerMinutePerProjectPerModel', retryAfterSeconds);
}

function quotaExceeded(model: string, quotaId: string, retryAfterSeconds: number): ApiError {
  const quotaMetric = 'generativelanguage.googleapis.com/generate_content_requests';
  return new ApiError(
    429,
    'RESOURCE_EXHAUSTED',
    'You exceeded your current quota, please check your plan and billing details. ' +
      `Please retry in ${retryAfterSeconds}s.`,
    [
      {
        '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
        violations: [{ quotaMetric, quotaId, quotaDimensions: { location: 'global', model } }],
      },
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${retryAfterSeconds}s` },
    ],
  );
}
