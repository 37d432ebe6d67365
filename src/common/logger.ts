import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger as Pino, type LogFn, type LoggerOptions, pino } from 'pino';
import { currentContext } from './request-context.js';

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
  'refreshToken',
  'apiKey',
  'authToken',
  'secret',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*.*.*.${name}`]);

/** How far back the causes of an error are told; one that causes itself comes to an end, too. */
const CAUSES_MAX = 5;

/** Driver errors hold the statement's parameters, Stripe's hold the request: people's words and secrets. */
function serializeError(thrown: unknown, causes = CAUSES_MAX): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { code } = thrown as { code?: unknown };
  return {
    type: thrown.name,
    message: thrown.message,
    stack: thrown.stack,
    ...(typeof code === 'string' ? { code } : {}),
    ...(thrown.cause === undefined || causes === 0
      ? {}
      : { cause: serializeError(thrown.cause, causes - 1) }),
  };
}

/** The one pino logger of a process: one JSON object a line, on standard output unless a test listens. */
export function createLogger(level: string, destination: DestinationStream = pino.destination(1)): Pino {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // A copy: pino writes each line's own fields into what it gets.
    mixin: () => ({ ...currentContext() }),
    redact: { paths: REDACTED, censor: '[redacted]' },
    serializers: {
      err: (thrown: unknown) => serializeError(thrown),
      req: (request: { method: string; url: string; ip?: string }) => ({
        method: request.method,
        // Queries may hold cursors and tickets.
        path: request.url.split('?', 1)[0],
        ip: request.ip,
      }),
      res: (reply: { statusCode: number }) => ({ status: reply.statusCode }),
    },
  };
  return pino(options, destination);
}

/** For lines that our serializers make whole: to look for secrets in them takes ten times as long as to write them. */
export const withoutRedaction = (logger: Pino): Pino => logger.child({}, { redact: [] });

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
