import 'reflect-metadata';
import { type INestApplicationContext, Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { keepContext } from './common/request-context.js';
import { createLogger, PinoLoggerService } from './common/logger.js';
import type { Env } from './config/env.js';
import { InvalidEnvError, loadEnv, loadEnvFile } from './config/load-env.js';
import { createHttpApp } from './http-app.js';
import { OpsServer } from './ops/ops-server.js';
import { REDIS } from './redis/redis.module.js';
import { warnOfRedisRisks } from './redis/redis-risks.js';
import { traceWith } from './tracing/tracing.js';

/** What stopping takes beside waiting for what is in flight. */
const SHUTDOWN_MARGIN_MS = 5000;

/** Starts what PROCESS_ROLE asks for. */
async function start(env: Env): Promise<INestApplicationContext> {
  if (env.PROCESS_ROLE === 'worker') {
    const logger = new PinoLoggerService(createLogger(env.LOG_LEVEL));
    const worker = await NestFactory.createApplicationContext(AppModule.with(env), {
      logger,
      abortOnError: false,
    });
    worker.enableShutdownHooks([], { useProcessExit: true });
    await worker.get(OpsServer).listen();
    logger.log('The worker is ready', 'Main');
    return worker;
  }
  const app = await createHttpApp(env);
  await app.listen(env.PORT, env.HOST);
  await app.get(OpsServer).listen();
  return app;
}

/** Loads what looks into the process, where that is asked for: before there is anything to see. */
async function observe(env: Env): Promise<void> {
  if (env.LOG_CONTEXT) keepContext();
  if (env.METRICS_PORT !== null) await import('./metrics/prometheus.js');
  if (env.OTEL_EXPORTER_OTLP_ENDPOINT === null) return;
  const { openTelemetry } = await import('./tracing/opentelemetry.js');
  traceWith(openTelemetry());
}

/** Whatever a clean stop waits for in vain (a Redis that is gone, say), the process does not outlive it by much. */
function boundShutdown(env: Env): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      setTimeout(
        () => {
          createLogger('fatal').fatal(
            'The process did not stop in time and ends now; what it held is handed back',
          );
          process.exit(1);
        },
        env.SHUTDOWN_DELAY_MS + env.SHUTDOWN_GRACE_MS + SHUTDOWN_MARGIN_MS,
      ).unref();
    });
  }
}

loadEnvFile();
try {
  const env = loadEnv();
  boundShutdown(env);
  await observe(env);
  const app = await start(env);
  void warnOfRedisRisks(app.get(REDIS), new Logger('Redis'));
} catch (error) {
  // A setting that is wrong is a message for the operator, not a stack trace.
  createLogger('fatal').fatal(
    error instanceof InvalidEnvError ? error.message : { err: error },
    'The process could not start',
  );
  process.exit(1);
}
