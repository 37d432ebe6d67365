import { join, resolve } from 'node:path';
import { migrate, requireBuild, startApp, waitUntilReady } from './app.js';
import { banner } from './banner.js';
import { keepSecrets } from './secrets.js';
import { httpUrl, startServices } from './services-of-app.js';
import { lockDirectory } from './services/directory-lock.js';
import type { DirectoryLock } from './services/directory-lock.js';
import { LocalError } from './services/local-error.js';
import { requireFreePort } from './services/ports.js';
import { readSettings } from './settings.js';
import { Shutdown, Stopping } from './shutdown.js';

/** `npm run local`: the whole product on this machine, with no account anywhere. */
const ROOT = resolve(import.meta.dirname, '..');
/** Two of these need two directories, and two ports. */
const DATA_DIR = resolve(process.env.LOCAL_DATA_DIR ?? join(ROOT, '.local'));

async function start(shutdown: Shutdown, lock: DirectoryLock): Promise<void> {
  const settings = readSettings(ROOT);
  requireBuild(ROOT);
  const other =
    settings.port < 1024 ? settings.port + 8000 : settings.port < 65_535 ? settings.port + 1 : 5000;
  await requireFreePort(settings.port, `set PORT to another, e.g. PORT=${other} npm run local`);
  const secrets = keepSecrets(join(DATA_DIR, 'secrets.json'));
  const env = await startServices(settings, secrets, DATA_DIR, shutdown);
  await migrate(ROOT, env, shutdown);
  const app = await shutdown.start('app', () => startApp(ROOT, env));
  lock.setService(app.pid);
  // A worker alone has no HTTP to ask.
  if (env.PROCESS_ROLE !== 'worker') await waitUntilReady(app, httpUrl(settings.host, settings.port));
  if (app.hasExited()) return;
  const seconds = process.uptime();
  console.log(banner({ settings, env, dataDir: DATA_DIR, seconds, colour: process.stdout.isTTY }));
}

function report(error: unknown, shutdown: Shutdown): void {
  if (error instanceof Stopping) return;
  const text =
    error instanceof LocalError ? error.message : error instanceof Error ? error.stack : String(error);
  shutdown.request(1, `npm run local: ${text ?? 'failed'}`);
}

const shutdown = new Shutdown();
let lock: DirectoryLock | undefined;
try {
  lock = await lockDirectory(join(DATA_DIR, 'run.lock'), { what: DATA_DIR, stopSignal: 'SIGTERM' });
  const starting = start(shutdown, lock).catch((error: unknown) => {
    report(error, shutdown);
  });
  await Promise.race([shutdown.requested, starting.then(() => shutdown.requested)]);
  await shutdown.stopAll();
  await starting;
} catch (error) {
  report(error, shutdown);
} finally {
  lock?.release();
}
if (shutdown.reason) console.error(`\nStopped because ${shutdown.reason}.`);
process.exit(shutdown.exitCode);
