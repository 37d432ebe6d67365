import { Param, ParseUUIDPipe } from '@nestjs/common';
import { AppError } from './app-error.js';

/** A path parameter that must be a UUID; anything else is a 400 and reaches no query. */
export const UuidParam = (name: string): ParameterDecorator =>
  Param(
    name,
    new ParseUUIDPipe({
      exceptionFactory: () =>
        new AppError('VALIDATION_FAILED', { errors: [{ path: name, message: `${name} must be a UUID` }] }),
    }),
  );
