import 'reflect-metadata';
import { userInfo } from 'node:os';
import { UsageError } from './admin/command.js';
import { helpText, readRequest, type Request } from './admin/commands.js';
import { createLogger, PinoLoggerService } from './common/logger.js';
import { InvalidEnvError, loadEnv, loadEnvFile } from './config/load-env.js';

const DONE = 0;
const NOT_DONE = 1;
const NOT_UNDERSTOOD = 2;

/**
 * `npm run admin`: what operators do by hand. It is the application without HTTP and without workers, on the same
 * settings. The answer is on standard output and the log, as JSON, on standard error.
 */
async function main(typed: readonly string[]): Promise<number> {
  const request = readRequest(typed);
  if (request === null) {
    process.stdout.write(`${helpText()}\n`);
    return DONE;
  }
  loadEnvFile();
  return carryOut(request);
}

async function carryOut(request: Request): Promise<number> {
  const env = Object.assign(loadEnv(), { PROCESS_ROLE: 'api' });
  const logger = new PinoLoggerService(createLogger(env.LOG_LEVEL, process.stderr));
  const [{ NestFactory }, { AdminModule }] = await Promise.all([
    import('@nestjs/core'),
    import('./admin/admin.module.js'),
  ]);
  const app = await NestFactory.createApplicationContext(AdminModule.with(env), {
    logger,
    abortOnError: false,
  });
  try {
    const { data, text, logged, ok } = await request.run(app);
    const by = operator();
    logger.log(
      { command: request.name, by, ok, ...logged },
      'A command of an operator was carried out',
      'Admin',
    );
    process.stdout.write(`${request.json ? JSON.stringify(data) : text}\n`);
    return ok ? DONE : NOT_DONE;
  } finally {
    await app.close();
  }
}

/** Who typed it, by their name on this machine; the user of a container may have none. */
function operator(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${helpText()}\n`);
    return NOT_UNDERSTOOD;
  }
  createLogger('fatal', process.stderr).fatal(
    error instanceof InvalidEnvError ? error.message : { err: error },
    'The command could not be carried out',
  );
  return NOT_DONE;
}

process.exitCode = await main(process.argv.slice(2)).catch(explain);
// What was half open when something failed (Redis, while there was no database) would keep the process for ever.
process.exit();
