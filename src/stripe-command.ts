import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { Reconciler } from './billing/reconcile.service.js';
import { StripeEventService } from './billing/stripe-event.service.js';
import { createLogger, PinoLoggerService } from './common/logger.js';
import { InvalidEnvError, loadEnv, loadEnvFile } from './config/load-env.js';

/** Failed events that are listed, the newest ones. */
const LISTED = 100;

const USAGE = `npm run stripe:replay                    lists the webhook events that failed for good
npm run stripe:replay -- --failed        has all of them acted on once more, by the running workers
npm run stripe:replay -- evt_1 evt_2     has these acted on once more
npm run stripe:reconcile                 compares every customer with Stripe, now and here, and repairs what differs`;

/**
 * What operators do about Stripe by hand. It is the application without HTTP and without workers, on the same settings;
 * the answer is on standard output, the log on it too, as JSON.
 */
async function run([command, ...args]: readonly string[]): Promise<string> {
  const env = Object.assign(loadEnv(), { PROCESS_ROLE: 'api' });
  const context = await NestFactory.createApplicationContext(AppModule.with(env), {
    logger: new PinoLoggerService(createLogger(env.LOG_LEVEL)),
    abortOnError: false,
  });
  try {
    if (command === 'reconcile') {
      const { compared, repaired, failed } = await context.get(Reconciler).run();
      process.exitCode = failed > 0 ? 1 : 0;
      return `${compared} customers compared, ${repaired} repaired, ${failed} could not be compared`;
    }
    return await replay(context.get(StripeEventService), args);
  } finally {
    await context.close();
  }
}

async function replay(events: StripeEventService, args: readonly string[]): Promise<string> {
  if (args.length === 0) {
    const failed = await events.listFailed(LISTED);
    const lines = failed.map(({ id, type, receivedAt, attempts, lastError }) =>
      [id, type, receivedAt.toISOString(), `${attempts} attempts`, lastError].join('  '),
    );
    return [`${failed.length} events have failed`, ...lines].join('\n');
  }
  const replayed = await events.replay(args[0] === '--failed' ? 'failed' : args);
  return [`${replayed.length} events are acted on once more`, ...replayed].join('\n');
}

function isUsable([command, ...args]: readonly string[]): boolean {
  if (command === 'reconcile') return args.length === 0;
  return command === 'replay' && (args.join() === '--failed' || args.every((arg) => /^evt_\w+$/.test(arg)));
}

async function main(given: readonly string[]): Promise<void> {
  if (!isUsable(given)) {
    process.stderr.write(`${USAGE}\n`);
    process.exitCode = 1;
    return;
  }
  loadEnvFile();
  process.stdout.write(`${await run(given)}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  createLogger('fatal').fatal(
    error instanceof InvalidEnvError ? error.message : { err: error },
    'The command could not be carried out',
  );
  process.exitCode = 1;
}
