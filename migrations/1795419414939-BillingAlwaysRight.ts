import type { MigrationInterface, QueryRunner } from 'typeorm';

export class BillingAlwaysRight1795419414939 implements MigrationInterface {
  name = 'BillingAlwaysRight1795419414939';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP INDEX "public"."stripe_events_unprocessed"
        `);
    await queryRunner.query(`
            CREATE TABLE "duplicate_subscriptions" (
                "user_id" uuid NOT NULL,
                "id" text NOT NULL,
                "kept_id" text NOT NULL,
                "subscribed_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "found_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                "settled_at" TIMESTAMP(3) WITH TIME ZONE,
                "refunded_amount" integer,
                "currency" text,
                "refund_complete" boolean,
                CONSTRAINT "duplicate_subscriptions_pkey" PRIMARY KEY ("user_id", "id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "duplicate_subscriptions_unsettled" ON "duplicate_subscriptions" ("user_id", "id")
            WHERE settled_at IS NULL
        `);
    await queryRunner.query(`
            ALTER TABLE "stripe_events"
            ADD "status" text NOT NULL DEFAULT 'pending'
        `);
    await queryRunner.query(`
            ALTER TABLE "stripe_events"
            ADD "attempts" integer NOT NULL DEFAULT '0'
        `);
    await queryRunner.query(`
            ALTER TABLE "stripe_events"
            ADD "last_error" text
        `);
    await queryRunner.query(`
            UPDATE "stripe_events"
            SET "status" = 'processed'
            WHERE "processed_at" IS NOT NULL
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions"
            ADD "price_interval" text
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions"
            ADD "trial_end" TIMESTAMP(3) WITH TIME ZONE
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions"
            ADD "past_due_since" TIMESTAMP(3) WITH TIME ZONE
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions"
            ADD "first_subscribed_at" TIMESTAMP(3) WITH TIME ZONE
        `);
    await queryRunner.query(`
            UPDATE "subscriptions"
            SET "first_subscribed_at" = "created_at"
            WHERE "stripe_subscription_id" IS NOT NULL
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions"
            ADD "synced_at" TIMESTAMP(3) WITH TIME ZONE
        `);
    await queryRunner.query(`
            CREATE INDEX "stripe_events_of_customer" ON "stripe_events" ("customer_id")
            WHERE status = 'pending'
        `);
    await queryRunner.query(`
            CREATE INDEX "stripe_events_by_status" ON "stripe_events" ("status", "received_at", "id")
            WHERE status IN ('pending', 'failed')
        `);
    await queryRunner.query(`
            ALTER TABLE "stripe_events"
            ADD CONSTRAINT "stripe_events_status_check" CHECK (
                    status IN ('pending', 'processed', 'ignored', 'failed')
                )
        `);
    await queryRunner.query(`
            ALTER TABLE "duplicate_subscriptions"
            ADD CONSTRAINT "duplicate_subscriptions_user_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "duplicate_subscriptions" DROP CONSTRAINT "duplicate_subscriptions_user_fkey"
        `);
    await queryRunner.query(`
            ALTER TABLE "stripe_events" DROP CONSTRAINT "stripe_events_status_check"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."stripe_events_by_status"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."stripe_events_of_customer"
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions" DROP COLUMN "synced_at"
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions" DROP COLUMN "first_subscribed_at"
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions" DROP COLUMN "past_due_since"
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions" DROP COLUMN "trial_end"
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions" DROP COLUMN "price_interval"
        `);
    await queryRunner.query(`
            ALTER TABLE "stripe_events" DROP COLUMN "last_error"
        `);
    await queryRunner.query(`
            ALTER TABLE "stripe_events" DROP COLUMN "attempts"
        `);
    await queryRunner.query(`
            ALTER TABLE "stripe_events" DROP COLUMN "status"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."duplicate_subscriptions_unsettled"
        `);
    await queryRunner.query(`
            DROP TABLE "duplicate_subscriptions"
        `);
    await queryRunner.query(`
            CREATE INDEX "stripe_events_unprocessed" ON "stripe_events" USING btree ("received_at")
            WHERE (processed_at IS NULL)
        `);
  }
}
