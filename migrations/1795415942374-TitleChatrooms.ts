import type { MigrationInterface, QueryRunner } from 'typeorm';

export class TitleChatrooms1795415942374 implements MigrationInterface {
  name = 'TitleChatrooms1795415942374';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "chatrooms"
            ADD "auto_title" boolean NOT NULL DEFAULT true
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "chatrooms" DROP COLUMN "auto_title"
        `);
  }
}
