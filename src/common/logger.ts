import type { LoggerService } from '@nestjs/common';
import { type Logger as Pino, type LogFn, pino } from 'pino';
import { requestContext } from './request-context.js';

/**
 * Paths that never reach a log, at the depths where our objects and those of our libraries have them. Bodies are not
 * logged at all; this is for what an error or a request drags along.
 */
const REDACTED = [
  'authorization',
  'cookie',
  'password',
  'newPassword',
  'currentPassword',
  'otp',
  'accessToken',
  'apiKey',
  'secret',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*.*.*.${name}`]);

/** Driver errors hold the statement's parameters, Stripe's hold the request: people's words and secrets. */
function serializeError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { code } = thrown as { code?: unknown };
  return {
    type: thrown.name,
    message: thrown.message,
    stack: thrown.stack,
    ...(typeof code === 'string' ? { code } : {}),
    ...(thrown.cause === undefined ? {} : { cause: serializeError(thrown.cause) }),
  };
}

/** The one pino logger of a process: one JSON object a line, on standard output. */
export function createLogger(level: string): Pino {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: () => requestContext.getStore() ?? {},
    redact: { paths: REDACTED, censor: '[redacted]' },
    serializers: {
      err: serializeError,
      req: (request: { method: string; url: string; ip?: string }) => ({
        method: request.method,
        // Queries may hold cursors and tickets.
        path: request.url.split('?', 1)[0],
        ip: request.ip,
      }),
      res: (reply: { statusCode: number }) => ({ status: reply.statusCode }),
    },
  });
}

/** Where Nest tells of each module and route as it starts. */
const BOOT_CHATTER = new Set<unknown>(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory']);

/** Lets Nest, and the `Logger` of our classes, write through pino: `logger.warn({ replyId }, 'words')`. */
export class PinoLoggerService implements LoggerService {
  constructor(private readonly pino: Pino) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write(BOOT_CHATTER.has(rest.at(-1)) ? this.pino.debug : this.pino.info, message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.write(this.pino.error, message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.write(this.pino.warn, message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.write(this.pino.debug, message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.write(this.pino.trace, message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.write(this.pino.fatal, message, rest);
  }

  /** Nest appends the context (the class name) as the last string. */
  private write(log: LogFn, message: unknown, rest: unknown[]): void {
    const strings = rest.filter((item) => typeof item === 'string');
    const context = strings.pop();
    if (message instanceof Error) log.call(this.pino, { context, err: message }, message.message);
    else if (typeof message === 'object' && message !== null) {
      log.call(this.pino, { context, ...message }, strings.join(' '));
    } else log.call(this.pino, { context, ...(strings[0] ? { stack: strings[0] } : {}) }, String(message));
  }
}
