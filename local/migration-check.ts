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
  if (upQueries.length === 0) {
    await expectGeneratedAsDeclared(dataSource);
    return;
  }
  throw new LocalError(
    [
      'The entities differ from what the migrations make. Missing:',
      ...upQueries.map(({ query }) => `  ${query}`),
      'Write it with: npm run migration:generate -- NameOfTheChange',
    ].join('\n'),
  );
}

/** TypeORM compares an entity's expression with its own note of it; this compares it with what Postgres computes. */
async function expectGeneratedAsDeclared(dataSource: DataSource): Promise<void> {
  const columns = dataSource.entityMetadatas.flatMap(({ columns }) => columns.filter((c) => c.asExpression));
  for (const { entityMetadata, databaseName, type, asExpression } of columns) {
    const declared = `declared_${databaseName}`;
    await dataSource.query(`CREATE TABLE ${declared} (LIKE ${entityMetadata.tableName})`);
    await dataSource.query(
      `ALTER TABLE ${declared} DROP COLUMN ${databaseName},
       ADD ${databaseName} ${String(type)} GENERATED ALWAYS AS (${asExpression ?? ''}) STORED`,
    );
    const [{ differ }] = await dataSource.query<[{ differ: boolean }]>(
      `SELECT count(DISTINCT pg_get_expr(d.adbin, d.adrelid)) > 1 OR count(*) < 2 AS differ
       FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
       WHERE a.attname = $1 AND a.attgenerated = 's' AND a.attrelid IN ($2::regclass, $3::regclass)`,
      [databaseName, declared, entityMetadata.tableName],
    );
    await dataSource.query(`DROP TABLE ${declared}`);
    if (differ) {
      throw new LocalError(
        `${entityMetadata.tableName}.${databaseName} is not generated as its entity says.`,
      );
    }
  }
}

/** Tables, views, sequences, types and functions in our schema, other than TypeORM's own tables. */
const LEFT_BEHIND = `
  SELECT 'relation ' || c.relname AS name FROM pg_class c
   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relname NOT LIKE 'migrations%'
     AND c.relname <> 'typeorm_metadata'
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
