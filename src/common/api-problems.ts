import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { PROBLEMS, type ProblemCode, problemType } from './app-error.js';
import { ProblemResponse } from './problem.response.js';

/** Documents the errors that are an operation's own; those that any operation can have are added in `openapi.ts`. */
export function ApiProblems(...codes: ProblemCode[]): MethodDecorator & ClassDecorator {
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code][0]))];
  const responses = statuses.map((status) =>
    ApiResponse({ status, ...problemContent(codes.filter((code) => PROBLEMS[code][0] === status)) }),
  );
  return applyDecorators(ApiExtraModels(ProblemResponse), ...responses);
}

/** The OpenAPI response object for one status: its codes, each with an example. */
export function problemContent(codes: readonly ProblemCode[]): {
  description: string;
  content: Record<string, { schema: { $ref: string }; examples: Record<string, { value: object }> }>;
} {
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code][1]}`).join('. '),
    content: {
      'application/problem+json': {
        schema: { $ref: getSchemaPath(ProblemResponse) },
        examples: Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }])),
      },
    },
  };
}

function exampleOf(code: ProblemCode): object {
  const [status, title] = PROBLEMS[code];
  return {
    type: problemType(code),
    title,
    status,
    code,
    requestId: '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d',
  };
}
