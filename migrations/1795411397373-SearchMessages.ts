import type { MigrationInterface, QueryRunner } from 'typeorm';

export class SearchMessages1795411397373 implements MigrationInterface {
  name = 'SearchMessages1795411397373';

  /** Rewrites the table: stop writing to a large one first. TypeORM keeps a column's expression in its own table. */
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "search" tsvector GENERATED ALWAYS AS (
                    array_to_tsvector(ARRAY [' ' || user_id::text]) || to_tsvector(
                        'simple',
                        translate(left(content, 50000), '<>', '  ')
                    )
                ) STORED
        `);
    await queryRunner.query(
      `
            INSERT INTO "typeorm_metadata"(
                    "database",
                    "schema",
                    "table",
                    "type",
                    "name",
                    "value"
                )
            VALUES (current_database(), current_schema(), $1, $2, $3, $4)
        `,
      [
        'messages',
        'GENERATED_COLUMN',
        'search',
        "array_to_tsvector(ARRAY[' ' || user_id::text]) || to_tsvector('simple', translate(left(content, 50000), '<>', '  '))",
      ],
    );
    await queryRunner.query(`
            CREATE INDEX "messages_by_word" ON "messages" USING gin ("search")
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP INDEX "public"."messages_by_word"
        `);
    await queryRunner.query(
      `
            DELETE FROM "typeorm_metadata"
            WHERE "type" = $1
                AND "name" = $2
                AND "database" = current_database()
                AND "schema" = current_schema()
                AND "table" = $3
        `,
      ['GENERATED_COLUMN', 'search', 'messages'],
    );
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "search"
        `);
  }
}
