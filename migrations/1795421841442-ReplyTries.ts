import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ReplyTries1795421841442 implements MigrationInterface {
  name = 'ReplyTries1795421841442';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "failures" integer NOT NULL DEFAULT '0'
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "returns" integer NOT NULL DEFAULT '0'
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "returns"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "failures"
        `);
  }
}
