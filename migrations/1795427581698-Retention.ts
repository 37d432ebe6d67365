import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Retention1795427581698 implements MigrationInterface {
  name = 'Retention1795427581698';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE INDEX "stripe_events_done" ON "stripe_events" ("received_at")
            WHERE status IN ('processed', 'ignored')
        `);
    await queryRunner.query(`
            CREATE INDEX "messages_failed" ON "messages" ("id")
            WHERE status = 'failed'
                AND last_version IS NULL
        `);
    await queryRunner.query(`
            CREATE INDEX "prompt_charges_by_age" ON "prompt_charges" ("id")
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP INDEX "public"."prompt_charges_by_age"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."messages_failed"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."stripe_events_done"
        `);
  }
}
