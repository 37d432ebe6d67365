import type { MigrationInterface, QueryRunner } from 'typeorm';

export class PinAndArchiveChatrooms1795411260073 implements MigrationInterface {
  name = 'PinAndArchiveChatrooms1795411260073';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP INDEX "public"."chatrooms_by_activity"
        `);
    await queryRunner.query(`
            ALTER TABLE "chatrooms"
            ADD "pinned" boolean NOT NULL DEFAULT false
        `);
    await queryRunner.query(`
            ALTER TABLE "chatrooms"
            ADD "archived" boolean NOT NULL DEFAULT false
        `);
    await queryRunner.query(`
            CREATE INDEX "chatrooms_by_activity" ON "chatrooms" (
                "user_id",
                "archived",
                "pinned",
                "last_activity_at",
                "id"
            )
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP INDEX "public"."chatrooms_by_activity"
        `);
    await queryRunner.query(`
            ALTER TABLE "chatrooms" DROP COLUMN "archived"
        `);
    await queryRunner.query(`
            ALTER TABLE "chatrooms" DROP COLUMN "pinned"
        `);
    await queryRunner.query(`
            CREATE INDEX "chatrooms_by_activity" ON "chatrooms" ("user_id", "last_activity_at", "id")
        `);
  }
}
