import { type ArgumentMetadata, type ValidationError, ValidationPipe } from '@nestjs/common';
import { AppError, type FieldError } from './app-error.js';

/**
 * The one way into the application for bodies, queries and parameters: only known fields, the right types, and text
 * that Postgres can store. Everything wrong is reported at once, with the path of each field.
 */
export class RequestValidationPipe extends ValidationPipe {
  constructor() {
    super({
      whitelist: true,
      forbidNonWhitelisted: true,
      transform: true,
      exceptionFactory: (errors) =>
        new AppError('VALIDATION_FAILED', { errors: errors.flatMap((e) => flatten(e)) }),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'custom') return value;
    const unstorable = findUnstorableText(value, '');
    if (unstorable !== undefined) {
      throw new AppError('INVALID_TEXT', {
        errors: [{ path: unstorable, message: 'must hold neither NUL characters nor unpaired surrogates' }],
      });
    }
    if (metadata.type === 'body' && !isPlainObject(value)) {
      throw new AppError('VALIDATION_FAILED', {
        errors: [{ path: '', message: 'the body must be a JSON object' }],
      });
    }
    return super.transform(value, metadata) as Promise<unknown>;
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Postgres has no NUL in text, and UTF-8 has no lone surrogates: either would fail in the middle of a write. */
function findUnstorableText(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, child] of Object.entries(value)) {
    const childPath = path === '' ? key : `${path}.${key}`;
    const found = findUnstorableText(key, path) ?? findUnstorableText(child, childPath);
    if (found !== undefined) return found;
  }
  return undefined;
}

function flatten(error: ValidationError, parent = ''): FieldError[] {
  const path = parent === '' ? error.property : `${parent}.${error.property}`;
  const own = Object.values(error.constraints ?? {}).map((message) => ({ path, message }));
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, path))];
}
