import {
  type ArgumentMetadata,
  type PipeTransform,
  type Type,
  type ValidationError,
  ValidationPipe,
} from '@nestjs/common';
import { AppError, type FieldError } from './app-error.js';
import { isOptionalBody } from './optional-body.js';

/** No body of ours is nearly as deep, and whatever walks a value recursively runs out of stack far beyond it. */
const DEPTH_MAX = 20;

/**
 * The one way into the application for bodies, queries and parameters: only known fields, the right types, and text
 * that Postgres can store. Everything wrong is reported at once, with the path of each field.
 */
export class RequestValidationPipe implements PipeTransform {
  private readonly validation = new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    transform: true,
    stopAtFirstError: true,
    exceptionFactory: (errors) =>
      new AppError('VALIDATION_FAILED', { errors: errors.flatMap((e) => flatten(e)) }),
  });
  private readonly mayBeEmpty = new Set<Type>();

  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    const { type, metatype } = metadata;
    if (type === 'custom') return value;
    if (type === 'body' && value === undefined && isOptionalBody(metatype)) {
      return this.validation.transform({}, metadata);
    }
    if (type === 'body' && !isPlainObject(value)) {
      throw new AppError('VALIDATION_FAILED', {
        errors: [{ path: '', message: 'the body must be a JSON object' }],
      });
    }
    if (type === 'query' && metatype !== undefined && isEmpty(value)) return this.empty(metadata, metatype);
    assertStorable(value, '');
    return this.validation.transform(value, metadata);
  }

  /** Most queries are empty. Whether that is valid does not change, so it is found out once for each class. */
  private empty(metadata: ArgumentMetadata, metatype: Type): unknown {
    if (this.mayBeEmpty.has(metatype)) return new metatype();
    return this.validation.transform({}, metadata).then((query: unknown) => {
      this.mayBeEmpty.add(metatype);
      return query;
    });
  }
}

const isEmpty = (value: unknown): boolean => isPlainObject(value) && Object.keys(value).length === 0;

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Postgres has no NUL in text, and UTF-8 has no lone surrogates: either would fail in the middle of a write. */
function assertStorable(value: unknown, path: string, depth = 0): void {
  if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) {
    throw new AppError('INVALID_TEXT', {
      errors: [{ path, message: 'must hold neither NUL characters nor unpaired surrogates' }],
    });
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth === DEPTH_MAX) {
    throw new AppError('VALIDATION_FAILED', { errors: [{ path, message: 'must not be nested as deep' }] });
  }
  for (const [key, child] of Object.entries(value)) {
    assertStorable(key, path);
    assertStorable(child, path === '' ? key : `${path}.${key}`, depth + 1);
  }
}

function flatten(error: ValidationError, parent = ''): FieldError[] {
  const path = parent === '' ? error.property : `${parent}.${error.property}`;
  const own = Object.values(error.constraints ?? {}).map((message) => ({ path, message }));
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, path))];
}
