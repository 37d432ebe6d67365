import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ReplyTelemetry1795416201187 implements MigrationInterface {
  name = 'ReplyTelemetry1795416201187';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "turns_left_out" integer
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "first_token_ms" integer
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "total_ms" integer
        `);
    await queryRunner.query(`
            CREATE INDEX "messages_answered" ON "messages" ("user_id", "chatroom_id", "id")
            WHERE role = 'model'
                AND status IN ('completed', 'cancelled')
                AND content <> ''
                AND last_version IS NULL
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP INDEX "public"."messages_answered"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "total_ms"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "first_token_ms"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "turns_left_out"
        `);
  }
}
