import { InvalidEnvError } from '../config/load-env.js';

/**
 * `npm run migration:run`: brings the database of DATABASE_URL to the newest schema. Safe to run twice, and by
 * several processes at once: the lock makes the later one wait and find nothing to do.
 */
const MIGRATION_LOCK = 7_263_401;

const { default: dataSource } = await import('./data-source.js').catch((error: unknown) => {
  if (!(error instanceof InvalidEnvError)) throw error;
  process.stderr.write(`${error.message}\n`);
  return process.exit(1);
});
await dataSource.initialize();
try {
  const done = await dataSource.transaction(async (lock) => {
    // Of a transaction, which PgBouncer keeps on one connection of the server; a lock of the session it does not.
    await lock.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    return dataSource.runMigrations();
  });
  for (const { name } of done) process.stdout.write(`migrated: ${name}\n`);
  if (done.length === 0) process.stdout.write('The database is up to date.\n');
} finally {
  await dataSource.destroy();
}
