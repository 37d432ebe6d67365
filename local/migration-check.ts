import type { DataSource } from 'typeorm';
import { LocalError } from './services/local-error.js';
import { connectDataSource, runCommand, withMigratedDatabase } from './throwaway-database.js';

/**
 * `npm run migration:check`: the migrations build exactly what the entities say, and every one of them can be undone.
 */
async function check(dataSource: DataSource): Promise<void> {
  await expectNoDrift(dataSource);
  const { length } = dataSource.migrations;
  for (let undone = 0; undone < length; undone += 1) await dataSource.undoLastMigration();
  await expectNothingLeft(dataSource);
  const redone = await dataSource.runMigrations();
  if (redone.length !== length) {
    throw new LocalError(`Undone ${length} migrations, but only ${redone.length} ran again.`);
  }
  await expectNoDrift(dataSource);
  console.log(`Entities and migrations agree; ${length} migration(s) undone and done again.`);
}

async function expectNoDrift(dataSource: DataSource): Promise<void> {
  const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
  if (upQueries.length === 0) return;
  throw new LocalError(
    [
      'The entities differ from what the migrations make. Missing:',
      ...upQueries.map(({ query }) => `  ${query}`),
      'Write it with: npm run migration:generate -- NameOfTheChange',
    ].join('\n'),
  );
}

/** Tables, views, sequences, types and functions in our schema, other than TypeORM's own list of migrations. */
const LEFT_BEHIND = `
  SELECT 'relation ' || c.relname AS name FROM pg_class c
   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relname NOT LIKE 'migrations%'
  UNION ALL
  SELECT 'type ' || t.typname FROM pg_type t
   WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd')
  UNION ALL
  SELECT 'function ' || p.proname FROM pg_proc p
   WHERE p.pronamespace = 'public'::regnamespace
     AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')`;

async function expectNothingLeft(dataSource: DataSource): Promise<void> {
  const left: { name: string }[] = await dataSource.query(LEFT_BEHIND);
  if (left.length === 0) return;
  throw new LocalError(
    `Undoing every migration leaves something behind: ${left.map(({ name }) => name).join(', ')}`,
  );
}

await runCommand(() =>
  withMigratedDatabase(async (env) => {
    const dataSource = await connectDataSource(env);
    try {
      await check(dataSource);
    } finally {
      await dataSource.destroy();
    }
  }),
);
