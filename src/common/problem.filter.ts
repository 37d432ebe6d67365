import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, type ProblemCode, problemType } from './app-error.js';
import { isConnectionFailure } from './connection-failure.js';
import type { ProblemResponse } from './problem.response.js';
import { facts } from '../metrics/facts.js';

/** What Fastify throws while it reads a request, and Nest for a route that does not exist. */
const CODE_BY_STATUS: Partial<Record<number, ProblemCode>> = {
  400: 'MALFORMED_REQUEST',
  401: 'UNAUTHENTICATED',
  404: 'NOT_FOUND',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'TOO_MANY_REQUESTS',
};

const RETRY_AFTER_OUTAGE_SECONDS = 5;

const logger = new Logger('Problem');

/** Turns whatever was thrown into a problem document (RFC 9457). What is our fault is logged, once. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(thrown, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = toAppError(thrown);
  if (error.status >= 500)
    logger.error({ err: thrown, code: error.code, requestId: request.id }, error.title);
  if (reply.sent) return;
  facts.problemAnswered.tell(error.code);
  if (error.retryAfterSeconds !== undefined) {
    void reply.header('retry-after', String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  }
  if (error.status === 401 && !reply.hasHeader('www-authenticate')) {
    void reply.header('www-authenticate', 'Bearer');
  }
  void reply
    .status(error.status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .header('x-request-id', request.id)
    .send(JSON.stringify(problemDocument(error, request.id)));
}

export function problemDocument(error: AppError, requestId: string): ProblemResponse {
  return {
    type: problemType(error.code),
    title: error.title,
    status: error.status,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    code: error.code,
    ...(error.errors === undefined ? {} : { errors: error.errors }),
    requestId,
  };
}

function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (isConnectionFailure(thrown)) {
    return new AppError('SERVICE_UNAVAILABLE', {
      detail: 'Part of the service is down. Try again in a few seconds.',
      retryAfterSeconds: RETRY_AFTER_OUTAGE_SECONDS,
      cause: thrown,
    });
  }
  const status = statusOf(thrown);
  const code =
    CODE_BY_STATUS[status] ?? (status >= 400 && status < 500 ? 'MALFORMED_REQUEST' : 'INTERNAL_ERROR');
  const detail = code === 'MALFORMED_REQUEST' && thrown instanceof Error ? { detail: thrown.message } : {};
  return new AppError(code, { ...detail, cause: thrown });
}

function statusOf(thrown: unknown): number {
  if (thrown instanceof HttpException) return thrown.getStatus();
  const { statusCode } = (thrown ?? {}) as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : 500;
}
