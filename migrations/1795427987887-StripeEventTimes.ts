import type { MigrationInterface, QueryRunner } from 'typeorm';

export class StripeEventTimes1795427987887 implements MigrationInterface {
  name = 'StripeEventTimes1795427987887';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "stripe_events"
            ADD "created_at" TIMESTAMP(3) WITH TIME ZONE
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "stripe_events" DROP COLUMN "created_at"
        `);
  }
}
