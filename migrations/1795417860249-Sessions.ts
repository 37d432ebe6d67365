import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Sessions1795417860249 implements MigrationInterface {
  name = 'Sessions1795417860249';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "auth_events" (
                "user_id" uuid NOT NULL,
                "id" uuid NOT NULL,
                "kind" text NOT NULL,
                "outcome" text NOT NULL,
                "method" text,
                "session_id" uuid,
                "ip" text NOT NULL,
                "user_agent" text,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                CONSTRAINT "auth_events_pkey" PRIMARY KEY ("user_id", "id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "auth_events_by_age" ON "auth_events" ("created_at")
        `);
    await queryRunner.query(`
            CREATE TABLE "sessions" (
                "user_id" uuid NOT NULL,
                "id" uuid NOT NULL,
                "family_hash" bytea NOT NULL,
                "token_hash" bytea NOT NULL,
                "previous_hash" bytea,
                "salt" bytea,
                "ip" text NOT NULL,
                "user_agent" text,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                "last_used_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                "expires_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "sessions_pkey" PRIMARY KEY ("user_id", "id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "sessions_by_end" ON "sessions" ("expires_at")
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP COLUMN "token_version"
        `);
    await queryRunner.query(`
            ALTER TABLE "auth_events"
            ADD CONSTRAINT "auth_events_user_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions"
            ADD CONSTRAINT "sessions_user_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "sessions" DROP CONSTRAINT "sessions_user_fkey"
        `);
    await queryRunner.query(`
            ALTER TABLE "auth_events" DROP CONSTRAINT "auth_events_user_fkey"
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD "token_version" integer NOT NULL DEFAULT '0'
        `);
    await queryRunner.query(`
            DROP INDEX "public"."sessions_by_end"
        `);
    await queryRunner.query(`
            DROP TABLE "sessions"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."auth_events_by_age"
        `);
    await queryRunner.query(`
            DROP TABLE "auth_events"
        `);
  }
}
