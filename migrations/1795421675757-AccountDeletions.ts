import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AccountDeletions1795421675757 implements MigrationInterface {
  name = 'AccountDeletions1795421675757';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "account_deletions" (
                "user_id" uuid NOT NULL,
                "requested_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                "step" text NOT NULL DEFAULT 'replies',
                "attempts" integer NOT NULL DEFAULT '0',
                "last_error" text,
                "next_attempt_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                CONSTRAINT "account_deletions_pkey" PRIMARY KEY ("user_id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "account_deletions_due" ON "account_deletions" ("next_attempt_at")
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD "deleting_at" TIMESTAMP(3) WITH TIME ZONE
        `);
    await queryRunner.query(`
            ALTER TABLE "auth_events"
            ADD "numbers" jsonb
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "auth_events" DROP COLUMN "numbers"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP COLUMN "deleting_at"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."account_deletions_due"
        `);
    await queryRunner.query(`
            DROP TABLE "account_deletions"
        `);
  }
}
