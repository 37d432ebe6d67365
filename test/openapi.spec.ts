import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';

interface Schema {
  $ref?: string;
  example?: unknown;
  examples?: unknown;
  properties?: Record<string, Schema>;
  items?: Schema;
  allOf?: Schema[];
}

interface Content {
  content?: Record<string, { schema?: Schema; examples?: Record<string, { value: unknown }> }>;
}

interface Operation {
  operationId: string;
  summary?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  parameters?: { name: string; in: string; description?: string; schema?: Schema }[];
  requestBody?: Content;
  responses: Record<string, Content & { description?: string }>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, unknown> };
}

const committed = JSON.parse(readFileSync('openapi.json', 'utf8')) as Document;
const operations = Object.entries(committed.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, method, path, operation })),
);

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

/** Whether a schema, followed through its references, shows an example anywhere. */
function hasExample(schema: Schema | undefined, seen = new Set<string>()): boolean {
  if (schema === undefined) return false;
  if (schema.example !== undefined || schema.examples !== undefined) return true;
  if (schema.$ref !== undefined) {
    if (seen.has(schema.$ref)) return false;
    seen.add(schema.$ref);
    return hasExample(committed.components.schemas[schema.$ref.split('/').at(-1) ?? ''], seen);
  }
  return [
    ...Object.values(schema.properties ?? {}),
    ...(schema.items ? [schema.items] : []),
    ...(schema.allOf ?? []),
  ].some((part) => hasExample(part, seen));
}

it('the document that is served is the one in the repository', async () => {
  const { status, body } = await app.api.get('/docs/openapi.json');
  expect(status).toBe(200);
  expect(body).toEqual(committed);
});

it('lets "Try it out" send a token', () => {
  expect(committed.components.securitySchemes).toEqual({
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  });
});

it('tells nothing of our insides and holds no secret', () => {
  const text = JSON.stringify(committed);
  for (const word of ['passwordHash', 'tokenHash', 'stripeCustomerId', 'sk_live', 'sk_test', 'whsec_']) {
    expect(text).not.toContain(word);
  }
});

it('names every operation once', () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBeGreaterThan(20);
});

describe.each(operations)('$name', ({ method, path, operation }) => {
  const isHealth = path.startsWith('/health');
  const isWebhook = path === '/webhook/stripe';

  it('has a summary and belongs to a part of the product', () => {
    expect(operation.summary).toMatch(/^\S.{5,120}$/);
    expect(operation.tags).toHaveLength(1);
  });

  it('shows an example of what to send', () => {
    for (const { schema } of Object.values(operation.requestBody?.content ?? {}))
      expect(hasExample(schema)).toBe(true);
    expect(operation.requestBody !== undefined).toBe(
      ['post', 'put', 'patch'].includes(method) &&
        !/\/(portal|cancel|resume|regenerate|logout|logout-all|deletion)$/.test(path),
    );
  });

  it('shows an example of what is answered', () => {
    const good = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
    expect(good).toHaveLength(1);
    for (const [status, { content }] of good) {
      if (status === '204') continue;
      expect(Object.values(content ?? {}).some(({ schema }) => hasExample(schema))).toBe(true);
    }
  });

  it('documents its errors as problem documents, each with an example that is true to its status', () => {
    const bad = Object.entries(operation.responses).filter(([status]) => /^[45]/.test(status));
    const statuses = bad.map(([status]) => status);
    expect(statuses).toContain('500');
    expect(statuses.includes('429')).toBe(!isHealth && !isWebhook);
    if (!isHealth) expect(statuses).toContain('503');
    if (operation.requestBody) expect(statuses).toEqual(expect.arrayContaining(['400', '413', '415']));
    if (operation.security) expect(statuses).toContain('401');
    for (const [status, { content }] of bad) {
      if (isHealth && status === '503') continue;
      expect(Object.keys(content ?? {})).toEqual(['application/problem+json']);
      const { schema, examples } = content?.['application/problem+json'] ?? {};
      expect(schema?.$ref).toBe('#/components/schemas/ProblemResponse');
      for (const { value } of Object.values(examples ?? {}))
        expect(value).toMatchObject({ status: Number(status) });
      expect(Object.keys(examples ?? {}).length).toBeGreaterThan(0);
    }
  });

  it('asks for a token exactly when it says so', async () => {
    const url = path.replaceAll(/\{\w+\}/g, '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d');
    const answer = await app.api.send(method.toUpperCase(), url, operation.requestBody ? {} : undefined);
    if (operation.security === undefined) expect(answer.status).not.toBe(401);
    else theProblem(answer, 401, 'UNAUTHENTICATED');
    expect(operation.security ?? [{ bearer: [] }]).toEqual([{ bearer: [] }]);
  });
});
