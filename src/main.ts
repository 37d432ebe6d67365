import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { createLogger, PinoLoggerService } from './common/logger.js';
import type { Env } from './config/env.js';
import { InvalidEnvError, loadEnv, loadEnvFile } from './config/load-env.js';
import { createHttpApp } from './http-app.js';

/** Starts what PROCESS_ROLE asks for. */
async function start(env: Env): Promise<void> {
  if (env.PROCESS_ROLE === 'worker') {
    const logger = new PinoLoggerService(createLogger(env.LOG_LEVEL));
    const worker = await NestFactory.createApplicationContext(AppModule.with(env), {
      logger,
      abortOnError: false,
    });
    worker.enableShutdownHooks();
    logger.log('The worker is ready', 'Main');
    return;
  }
  const app = await createHttpApp(env);
  await app.listen(env.PORT, env.HOST);
}

loadEnvFile();
try {
  await start(loadEnv());
} catch (error) {
  // A setting that is wrong is a message for the operator, not a stack trace.
  createLogger('fatal').fatal(
    error instanceof InvalidEnvError ? error.message : { err: error },
    'The process could not start',
  );
  process.exit(1);
}
