import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ConversationVersions1795415916177 implements MigrationInterface {
  name = 'ConversationVersions1795415916177';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "messages_prompt_check"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "messages_one_reply_per_prompt"
        `);
    await queryRunner.query(`
            ALTER TABLE "prompt_charges"
                RENAME COLUMN "prompt_id" TO "id"
        `);
    await queryRunner.query(`
            ALTER TABLE "chatrooms"
            ADD "version" integer NOT NULL DEFAULT '1'
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "charge_id" uuid
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "version" integer NOT NULL DEFAULT '1'
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "last_version" integer
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "version_of" uuid
        `);
    await queryRunner.query(`
            UPDATE "messages" SET "charge_id" = "prompt_id" WHERE "role" = 'model'
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "messages_one_reply_per_prompt" ON "messages" ("user_id", "prompt_id")
            WHERE prompt_id IS NOT NULL
                AND last_version IS NULL
        `);
    await queryRunner.query(`
            CREATE INDEX "messages_versions" ON "messages" ("user_id", "version_of", "id")
            WHERE version_of IS NOT NULL
        `);
    await queryRunner.query(`
            CREATE INDEX "messages_current" ON "messages" ("user_id", "chatroom_id", "id")
            WHERE last_version IS NULL
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD CONSTRAINT "messages_reply_check" CHECK (
                    (role = 'model') = (prompt_id IS NOT NULL)
                    AND (role = 'model') = (charge_id IS NOT NULL)
                )
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "messages_reply_check"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."messages_current"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."messages_versions"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."messages_one_reply_per_prompt"
        `);
    // Earlier versions have no place in the schema before this one.
    await queryRunner.query(`
            DELETE FROM "messages" WHERE "last_version" IS NOT NULL
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "version_of"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "last_version"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "version"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "charge_id"
        `);
    await queryRunner.query(`
            ALTER TABLE "chatrooms" DROP COLUMN "version"
        `);
    await queryRunner.query(`
            ALTER TABLE "prompt_charges"
                RENAME COLUMN "id" TO "prompt_id"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD CONSTRAINT "messages_one_reply_per_prompt" UNIQUE ("user_id", "prompt_id")
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD CONSTRAINT "messages_prompt_check" CHECK (
                    ((role = 'model'::text) = (prompt_id IS NOT NULL))
                )
        `);
  }
}
