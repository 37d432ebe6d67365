import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { AppError, type ProblemCode } from './app-error.js';
import { problemDocument } from './problem.filter.js';
import { facts } from '../metrics/facts.js';

/** https://nodejs.org/api/http.html#event-clienterror */
const CODE_BY_NODE_CODE: Partial<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
};

/** Answers what Node cannot read as HTTP, where there is a connection but no request: with a problem document too. */
export function answerUnreadable(thrown: NodeJS.ErrnoException, socket: Socket): void {
  if (thrown.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const error = new AppError(CODE_BY_NODE_CODE[thrown.code ?? ''] ?? 'MALFORMED_REQUEST');
  const requestId = randomUUID();
  facts.problemAnswered.tell(error.code);
  const body = JSON.stringify(problemDocument(error, requestId));
  socket.write(
    [
      `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}`,
      'content-type: application/problem+json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${requestId}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
  socket.destroySoon();
}
