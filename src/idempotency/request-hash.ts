import { createHash } from 'node:crypto';
import { AppError } from '../common/app-error.js';

/** No body of ours is nearly as deep; far beyond it a recursive walk runs out of stack. */
const DEPTH_MAX = 20;

export interface HashedRequest {
  method: string;
  /** The route's pattern, as it is registered. */
  route: string;
  params: unknown;
  query: unknown;
  body: unknown;
}

/**
 * SHA-256 of what a request asks for. Requests that mean the same are the same, whatever the order of their fields,
 * their white space or the case of their ids.
 *
 * @throws AppError VALIDATION_FAILED for a body that is nested too deep
 */
export function hashRequest({ method, route, params, query, body }: HashedRequest): Buffer {
  const ids = canonical(params).toLowerCase();
  return createHash('sha256')
    .update(JSON.stringify([method, route, ids, canonical(query), canonical(body)]))
    .digest();
}

/** JSON with the fields of objects in order. */
function canonical(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  if (depth === DEPTH_MAX) {
    throw new AppError('VALIDATION_FAILED', {
      errors: [{ path: '', message: 'must not be nested as deep' }],
    });
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth + 1)).join()}]`;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, child]) => `${JSON.stringify(name)}:${canonical(child, depth + 1)}`).join()}}`;
}
