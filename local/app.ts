import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pretty from 'pino-pretty';
import { LocalError } from './services/local-error.js';
import { startService } from './services/processes.js';
import type { Service } from './services/processes.js';
import type { Shutdown } from './shutdown.js';

const MAIN = 'dist/src/main.js';
const MIGRATE = 'dist/src/database/migrate.js';
const READY_TIMEOUT_MS = 60_000;
/** On top of the app's own SHUTDOWN_GRACE_MS. */
const EXTRA_GRACE_MS = 5_000;

export function requireBuild(root: string): void {
  const missing = [MAIN, MIGRATE].find((path) => !existsSync(join(root, path)));
  if (missing)
    throw new LocalError(
      `${missing} is missing: run \`npm run build\` first (\`npm run local\` does it for you)`,
    );
}

export async function migrate(root: string, env: Record<string, string>, shutdown: Shutdown): Promise<void> {
  const service = await shutdown.start('migrations', async () => {
    const started = await startService({
      command: process.execPath,
      args: [MIGRATE],
      cwd: root,
      env,
      stopSignal: 'SIGTERM',
      graceMs: EXTRA_GRACE_MS,
    });
    // Its end is the expected one, so it is no part that takes the others with it.
    return { stop: started.stop, service: started };
  });
  const how = await service.service.exited;
  shutdown.forget('migrations');
  if (how !== 'exit code 0') {
    throw new LocalError(`The migrations failed (${how}):\n${service.service.lastLines()}`);
  }
}

/** API and worker in one process of its own, told everything by its environment. Its JSON logs are made readable. */
export async function startApp(root: string, env: Record<string, string>): Promise<Service> {
  const logs = pretty({
    colorize: process.stdout.isTTY,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
    destination: process.stdout,
  });
  return await startService({
    command: process.execPath,
    args: ['--enable-source-maps', MAIN],
    cwd: root,
    env,
    stopSignal: 'SIGTERM',
    graceMs: Number(env.SHUTDOWN_GRACE_MS ?? 0) + EXTRA_GRACE_MS,
    onLine: (line) => logs.write(`${line}\n`),
  });
}

/** @throws LocalError when it is not ready in time. When it ends instead, whoever started it hears of that. */
export async function waitUntilReady(app: Service, url: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let last: string;
  while (!app.hasExited()) {
    try {
      const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) });
      if (response.ok) return;
      last = `${response.status} ${await response.text()}`;
    } catch {
      last = 'no answer';
    }
    if (Date.now() > deadline) {
      throw new LocalError(
        `The app was not ready within ${READY_TIMEOUT_MS / 1000} s. ${url}/health/ready: ${last}`,
      );
    }
    await delay(50);
  }
}
