import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalError } from './services/local-error.js';
import { DATA_SOURCE, ROOT, runCommand, withMigratedDatabase } from './throwaway-database.js';

/** `npm run migration:generate -- AddDisplayName`: writes the migration that takes the schema to what the entities say now. */
const MIGRATIONS = join(ROOT, 'migrations');

function listMigrations(): string[] {
  return existsSync(MIGRATIONS) ? readdirSync(MIGRATIONS) : [];
}

function generate(name: string, env: NodeJS.ProcessEnv): void {
  const before = new Set(listMigrations());
  const typeorm = join(ROOT, 'node_modules/typeorm/cli.js');
  const target = join('migrations', name);
  const { status } = spawnSync(
    process.execPath,
    [typeorm, 'migration:generate', target, '-d', DATA_SOURCE, '--pretty'],
    {
      cwd: ROOT,
      env,
      stdio: 'inherit',
    },
  );
  const written = listMigrations().filter((file) => !before.has(file));
  if (status !== 0 || written.length === 0) throw new LocalError('No migration was written.');
  const files = written.map((file) => join('migrations', file));
  for (const file of files) {
    const path = join(ROOT, file);
    // TypeORM's template imports its types as values.
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^import \{/m, 'import type {'));
  }
  const prettier = join(ROOT, 'node_modules/prettier/bin/prettier.cjs');
  execFileSync(process.execPath, [prettier, '--write', ...files], { cwd: ROOT, stdio: 'inherit' });
  console.log('Read it before you commit it: does `down` restore what `up` found?');
}

await runCommand(async () => {
  const name = process.argv[2];
  if (!name || !/^[A-Z][A-Za-z0-9]*$/.test(name)) {
    throw new LocalError(
      'Say what the migration does, in PascalCase: npm run migration:generate -- AddDisplayNameToUsers',
    );
  }
  await withMigratedDatabase((env) => {
    generate(name, env);
    return Promise.resolve();
  });
});
