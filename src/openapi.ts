import { STATUS_CODES } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { problemContent } from './common/api-problems.js';
import { UNTHROTTLED } from './common/throttling.js';
import { PROBLEMS, type ProblemCode } from './common/app-error.js';
import { KEY_HEADER } from './idempotency/idempotent-request.js';

const INTRODUCTION = `
Backend for AI chat: sign in with a mobile number and a one-time code, make chatrooms, send prompts, fetch the replies
that Gemini writes, subscribe to Pro.

**Try it out**: call \`send-otp\` and \`verify-otp\`, press *Authorize*, paste the \`accessToken\`.

Every error is a problem document (RFC 9457): branch on its \`code\`. Every list is paged: pass \`nextCursor\` back as
\`cursor\`. Times are ISO 8601 in UTC; money is in minor units with its currency.
`.trim();

const BODY_PROBLEMS = [
  'MALFORMED_REQUEST',
  'INVALID_TEXT',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
] as const satisfies ProblemCode[];

const IDEMPOTENCY_PROBLEMS = [
  'IDEMPOTENT_REQUEST_RUNNING',
  'IDEMPOTENCY_KEY_REUSED',
] as const satisfies ProblemCode[];

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** The OpenAPI document, generated from controllers and DTOs. */
export function buildOpenApi(app: INestApplication): OpenAPIObject {
  const options = new DocumentBuilder()
    .setTitle('Chat backend')
    .setDescription(INTRODUCTION)
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
    .build();
  const document = SwaggerModule.createDocument(app, options, {
    operationIdFactory: (controller, method) =>
      `${controller.replace(/Controller$/, '').toLowerCase()}.${method}`,
  });
  for (const item of Object.values(document.paths)) {
    for (const operation of [item.get, item.post, item.put, item.patch, item.delete]) {
      if (!operation) continue;
      addSharedProblems(operation);
      completeParameters(operation);
      completeDescriptions(operation);
      addHeaders(operation);
    }
  }
  return document;
}

/** Every path parameter of ours is an id; those of others say what they look like. */
function completeParameters(operation: Operation): void {
  for (const parameter of operation.parameters ?? []) {
    if (!('in' in parameter) || parameter.in !== 'path') continue;
    if (parameter.schema && 'pattern' in parameter.schema) continue;
    parameter.schema = { type: 'string', format: 'uuid' };
  }
}

/** OpenAPI asks for a description of each response; where there is none, the status says it. */
function completeDescriptions(operation: Operation): void {
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response && 'description' in response) response.description ||= STATUS_CODES[status] ?? status;
  }
}

/** Adds the errors that an operation can have by being one: bad input, no token, too many requests, an outage. */
function addSharedProblems(operation: Operation): void {
  const takesInput = operation.requestBody !== undefined || (operation.parameters ?? []).length > 0;
  const shared: ProblemCode[] = [
    ...(takesInput ? (['VALIDATION_FAILED'] as const) : []),
    ...(operation.requestBody ? BODY_PROBLEMS : []),
    ...(takesKey(operation) ? IDEMPOTENCY_PROBLEMS : []),
    ...(operation.security ? (['UNAUTHENTICATED'] as const) : []),
    ...(isUnthrottled(operation) ? [] : (['TOO_MANY_REQUESTS'] as const)),
    // Health has a 503 of its own.
    ...(operation.tags?.includes('Health') ? [] : (['SERVICE_UNAVAILABLE'] as const)),
    'INTERNAL_ERROR',
  ];
  for (const status of new Set(shared.map((code) => PROBLEMS[code][0]))) {
    const own = ownCodes(operation, status);
    const codes = [...own, ...shared.filter((code) => PROBLEMS[code][0] === status && !own.includes(code))];
    operation.responses[String(status)] = problemContent(codes);
  }
}

/** Takes the mark away that @SkipThrottling() left. */
function isUnthrottled(operation: Operation & { [UNTHROTTLED]?: boolean }): boolean {
  const marked = operation[UNTHROTTLED] === true;
  Reflect.deleteProperty(operation, UNTHROTTLED);
  return marked;
}

const integerHeader = (description: string): object => ({ description, schema: { type: 'integer' } });
const RETRY_AFTER = { 'Retry-After': integerHeader('Seconds to wait') };
const RATE_LIMIT = {
  'RateLimit-Limit': integerHeader('Prompts a day; absent, as the two below, where there is no limit'),
  'RateLimit-Remaining': integerHeader('Prompts left today'),
  'RateLimit-Reset': integerHeader('Seconds until the next day begins (UTC)'),
};

function addHeaders(operation: Operation): void {
  const limited = ownCodes(operation, 429).includes('DAILY_PROMPT_LIMIT_REACHED');
  for (const [status, response] of Object.entries(operation.responses)) {
    const headers = {
      ...(status === '429' || status === '503' ? RETRY_AFTER : {}),
      ...(limited && (status === '202' || status === '429') ? RATE_LIMIT : {}),
    };
    if (response && Object.keys(headers).length > 0) Object.assign(response, { headers });
  }
}

const takesKey = ({ parameters = [] }: Operation): boolean =>
  parameters.some((parameter) => 'name' in parameter && parameter.name === KEY_HEADER);

function ownCodes(operation: Operation, status: number): ProblemCode[] {
  const response = operation.responses[String(status)];
  if (!response || !('content' in response)) return [];
  return Object.keys(response.content?.['application/problem+json']?.examples ?? {}) as ProblemCode[];
}
