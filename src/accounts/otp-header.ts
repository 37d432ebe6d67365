import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../common/app-error.js';

const CODE = /^[0-9]{6}$/;

/**
 * Where the code of a DELETE is. Not in its body: that has no defined meaning (RFC 9110, 9.3.5), some proxies refuse or
 * drop it, and OpenAPI 3.0 has tools ignore it. Not in the URL: those are logged.
 */
export const OTP_HEADER = 'One-Time-Code';

/** @throws AppError VALIDATION_FAILED where there is none */
export const HeaderOtp = createParamDecorator((_data: unknown, context: ExecutionContext): string => {
  const otp = context.switchToHttp().getRequest<FastifyRequest>().headers[OTP_HEADER.toLowerCase()];
  if (typeof otp === 'string' && CODE.test(otp)) return otp;
  throw new AppError('VALIDATION_FAILED', {
    errors: [{ path: OTP_HEADER, message: 'must be the six digits of the code' }],
  });
});
