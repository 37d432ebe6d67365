import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import {
  type FastifyBodyParser,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import { answerUnreadable } from './common/client-error.js';
import { takeConnectionsFirst } from './common/connections-first.js';
import { createLogger, PinoLoggerService, withoutRedaction } from './common/logger.js';
import { sendProblem } from './common/problem.filter.js';
import { inContext } from './common/request-context.js';
import { securityHeaders } from './common/security-headers.js';
import type { Env } from './config/env.js';
import { buildOpenApi } from './openapi.js';
import { Draining } from './ops/draining.js';
import { beginRequestSpan } from './tracing/http-spans.js';
import { isTracing, traceOf } from './tracing/tracing.js';

const BODY_LIMIT = 64 * 1024;
/** Stripe's events can be larger than anything that people send. */
const WEBHOOK_BODY_LIMIT = 1024 * 1024;
const CLOSE_IDLE_MS = 50;
const REQUEST_ID = /^[\w.-]{1,64}$/;
const QUIET_PATHS = /^\/(health|docs|admin\/queues\/(api|static))(\/|$)/;

/** The HTTP application with everything around its routes; not yet listening. */
export async function createHttpApp(env: Env): Promise<NestFastifyApplication> {
  const logger = createLogger(env.LOG_LEVEL);
  const adapter = new FastifyAdapter({
    loggerInstance: logger,
    // One line a request, written below; Fastify would write two.
    logController: new LogController({ disableRequestLogging: true }),
    // Lines get the request's id from its context; see logger.ts.
    childLoggerFactory: () => logger,
    requestIdHeader: false,
    genReqId: requestId,
    // URLs that cannot be decoded, and what is no HTTP: they reach no route, and so no filter.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      sendProblem(error, request, reply);
    },
    clientErrorHandler: answerUnreadable,
    bodyLimit: BODY_LIMIT,
    trustProxy: env.TRUSTED_PROXIES.length > 0 && env.TRUSTED_PROXIES,
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: true },
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(env), adapter, {
    logger: new PinoLoggerService(logger),
    bodyParser: false,
    rawBody: true,
    abortOnError: false,
  });
  // JSON and nothing else: other types are a 415.
  adapter.getInstance().removeContentTypeParser('text/plain');
  app.useBodyParser('application/json', {}, parseJson(adapter.getInstance<FastifyInstance>()));
  takeConnectionsFirst(adapter.getInstance<FastifyInstance>());
  addRequestHooks(adapter.getInstance<FastifyInstance>(), securityHeaders(env), app.get(Draining));
  logRequests(adapter.getInstance<FastifyInstance>(), withoutRedaction(logger));
  if (env.METRICS_PORT !== null) {
    const { measureRequests } = await import('./metrics/http-metrics.js');
    measureRequests(adapter.getInstance<FastifyInstance>());
  }
  app.enableCors({
    origin: new URL(env.FRONTEND_URL).origin,
    // Those that are used here; the plugin's default stops at POST.
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: [
      'x-request-id',
      'retry-after',
      'idempotency-replayed',
      'ratelimit-limit',
      'ratelimit-remaining',
      'ratelimit-reset',
    ],
  });
  app.enableShutdownHooks([], { useProcessExit: true });
  if (env.ADMIN_PASSWORD !== '') {
    const { addQueueDashboard } = await import('./ops/queue-dashboard.js');
    await addQueueDashboard(app);
  }
  if (env.DOCS_ENABLED) {
    adapter.getInstance<FastifyInstance>().get('/', (_request, reply) => reply.redirect('/docs'));
    SwaggerModule.setup('docs', app, () => buildOpenApi(app), {
      jsonDocumentUrl: 'docs/openapi.json',
      yamlDocumentUrl: 'docs/openapi.yaml',
      swaggerOptions: { persistAuthorization: true },
    });
  }
  return app;
}

/** Many clients name the type of a body that they do not send; where a body is needed, validation says so. */
function parseJson(fastify: FastifyInstance): FastifyBodyParser<Buffer> {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  return (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void parse(request, body.toString(), done);
  };
}

/** A caller's own request id is kept when it is harmless, so that one id goes through all of their systems. */
function requestId(request: { headers: Record<string, string | string[] | undefined> }): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

function addRequestHooks(
  fastify: FastifyInstance,
  headersOf: (url: string) => Record<string, string>,
  draining: Draining,
): void {
  fastify.addHook('onRoute', (route) => {
    if (route.url === '/webhook/stripe') route.bodyLimit = WEBHOOK_BODY_LIMIT;
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.headers(headersOf(request.url)).header('x-request-id', request.id);
    // Who keeps a connection is to open the next one to a process that stays.
    if (draining.isOn) void reply.header('connection', 'close');
    if (!isTracing() || QUIET_PATHS.test(request.url)) {
      inContext({ requestId: request.id }, done);
      return;
    }
    const span = beginRequestSpan(request, reply);
    span.run(() => {
      inContext({ requestId: request.id, ...traceOf(span) }, done);
    });
  });
  // The connection of a request in flight becomes idle when that ends; Node would wait for it to time out (72 s).
  fastify.addHook('preClose', (done) => {
    const timer = setInterval(() => {
      fastify.server.closeIdleConnections();
    }, CLOSE_IDLE_MS);
    fastify.server.once('close', () => {
      clearInterval(timer);
    });
    done();
  });
}

function logRequests(fastify: FastifyInstance, logger: Logger): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    if (!QUIET_PATHS.test(request.url)) {
      logger.info(
        { requestId: request.id, req: request, res: reply, ms: Math.round(reply.elapsedTime) },
        'request',
      );
    }
    done();
  });
}
