import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { DataSource } from 'typeorm';
import { loadDatabaseUrl } from '../config/load-env.js';
import { databaseOptions } from './database-options.js';

/**
 * What the TypeORM command line and `migrate.ts` work on: two connections (one holds the lock) to DATABASE_URL. Without
 * the limit on a statement's time, as one that rewrites a large table, or waits for the lock, takes what it takes.
 */
export default new DataSource({
  ...databaseOptions(loadDatabaseUrl(), 2),
  migrations: [fileURLToPath(new URL('../../migrations/*.js', import.meta.url))],
  migrationsTransactionMode: 'each',
  extra: {},
});
