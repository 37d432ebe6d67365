import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DataSource } from 'typeorm';
import { requireBuild } from './app.js';
import { LocalError } from './services/local-error.js';
import { startPostgres } from './services/postgres.js';

export const ROOT = resolve(import.meta.dirname, '..');
export const DATA_SOURCE = 'dist/src/database/data-source.js';

/** What the migration commands work on: an empty PostgreSQL that has just been migrated, named by DATABASE_URL. */
export async function withMigratedDatabase(work: (env: NodeJS.ProcessEnv) => Promise<void>): Promise<void> {
  requireBuild(ROOT);
  const directory = mkdtempSync(join(tmpdir(), 'migrations-'));
  try {
    const postgres = await startPostgres({
      dataDir: join(directory, 'postgres'),
      persistent: false,
      fast: true,
    });
    try {
      const env = { ...process.env, DATABASE_URL: postgres.url };
      execFileSync(process.execPath, ['dist/src/database/migrate.js'], { cwd: ROOT, env, stdio: 'inherit' });
      await work(env);
    } finally {
      await postgres.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The compiled one, so that what is checked is what is deployed. It reads DATABASE_URL when it is loaded. */
export async function connectDataSource(env: NodeJS.ProcessEnv): Promise<DataSource> {
  process.env.DATABASE_URL = env.DATABASE_URL;
  const module = (await import(pathToFileURL(join(ROOT, DATA_SOURCE)).href)) as { default: DataSource };
  return await module.default.initialize();
}

/** Runs a command of this folder to its end: sets the exit code, and prints a message without a stack where a person can act on it. */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    console.error(error instanceof LocalError ? error.message : error);
    process.exitCode = 1;
  }
}
