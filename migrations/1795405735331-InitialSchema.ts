import type { MigrationInterface, QueryRunner } from 'typeorm';

export class InitialSchema1795405735331 implements MigrationInterface {
  name = 'InitialSchema1795405735331';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "stripe_events" (
                "id" text NOT NULL,
                "type" text NOT NULL,
                "customer_id" text,
                "received_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                "processed_at" TIMESTAMP(3) WITH TIME ZONE,
                CONSTRAINT "stripe_events_pkey" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "stripe_events_unprocessed" ON "stripe_events" ("received_at")
            WHERE processed_at IS NULL
        `);
    await queryRunner.query(`
            CREATE TABLE "users" (
                "id" uuid NOT NULL,
                "mobile" text NOT NULL,
                "display_name" text,
                "password_hash" text,
                "token_version" integer NOT NULL DEFAULT '0',
                "tier" text NOT NULL DEFAULT 'basic',
                "tier_until" TIMESTAMP(3) WITH TIME ZONE,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                "updated_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                CONSTRAINT "users_mobile_key" UNIQUE ("mobile"),
                CONSTRAINT "users_tier_check" CHECK (tier IN ('basic', 'pro')),
                CONSTRAINT "users_pkey" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "subscriptions" (
                "user_id" uuid NOT NULL,
                "stripe_customer_id" text NOT NULL,
                "stripe_subscription_id" text,
                "status" text,
                "price_id" text,
                "amount" integer,
                "currency" text,
                "current_period_end" TIMESTAMP(3) WITH TIME ZONE,
                "cancel_at_period_end" boolean NOT NULL DEFAULT false,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                "updated_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                CONSTRAINT "subscriptions_customer_key" UNIQUE ("stripe_customer_id"),
                CONSTRAINT "subscriptions_pkey" PRIMARY KEY ("user_id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "chatrooms" (
                "user_id" uuid NOT NULL,
                "id" uuid NOT NULL,
                "title" text,
                "system_instruction" text,
                "model" text,
                "last_activity_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                "updated_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                CONSTRAINT "chatrooms_pkey" PRIMARY KEY ("user_id", "id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "chatrooms_by_activity" ON "chatrooms" ("user_id", "last_activity_at", "id")
        `);
    await queryRunner.query(`
            CREATE TABLE "messages" (
                "user_id" uuid NOT NULL,
                "id" uuid NOT NULL,
                "chatroom_id" uuid NOT NULL,
                "role" text NOT NULL,
                "content" text NOT NULL,
                "status" text NOT NULL,
                "prompt_id" uuid,
                "error_code" text,
                "finish_reason" text,
                "model" text,
                "prompt_tokens" integer,
                "output_tokens" integer,
                "attempt" integer NOT NULL DEFAULT '0',
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                "finished_at" TIMESTAMP(3) WITH TIME ZONE,
                CONSTRAINT "messages_one_reply_per_prompt" UNIQUE ("user_id", "prompt_id"),
                CONSTRAINT "messages_prompt_check" CHECK ((role = 'model') = (prompt_id IS NOT NULL)),
                CONSTRAINT "messages_status_check" CHECK (
                    status IN (
                        'pending',
                        'streaming',
                        'completed',
                        'failed',
                        'cancelled',
                        'blocked'
                    )
                ),
                CONSTRAINT "messages_role_check" CHECK (role IN ('user', 'model')),
                CONSTRAINT "messages_pkey" PRIMARY KEY ("user_id", "id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "messages_unfinished" ON "messages" ("user_id", "chatroom_id", "id")
            WHERE status IN ('pending', 'streaming')
        `);
    await queryRunner.query(`
            CREATE INDEX "messages_by_room" ON "messages" ("user_id", "chatroom_id", "id")
        `);
    await queryRunner.query(`
            CREATE TABLE "prompt_charges" (
                "user_id" uuid NOT NULL,
                "prompt_id" uuid NOT NULL,
                CONSTRAINT "prompt_charges_pkey" PRIMARY KEY ("user_id", "prompt_id")
            )
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions"
            ADD CONSTRAINT "subscriptions_user_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "chatrooms"
            ADD CONSTRAINT "chatrooms_user_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD CONSTRAINT "messages_chatroom_fkey" FOREIGN KEY ("user_id", "chatroom_id") REFERENCES "chatrooms"("user_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "prompt_charges"
            ADD CONSTRAINT "prompt_charges_user_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "prompt_charges" DROP CONSTRAINT "prompt_charges_user_fkey"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "messages_chatroom_fkey"
        `);
    await queryRunner.query(`
            ALTER TABLE "chatrooms" DROP CONSTRAINT "chatrooms_user_fkey"
        `);
    await queryRunner.query(`
            ALTER TABLE "subscriptions" DROP CONSTRAINT "subscriptions_user_fkey"
        `);
    await queryRunner.query(`
            DROP TABLE "prompt_charges"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."messages_by_room"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."messages_unfinished"
        `);
    await queryRunner.query(`
            DROP TABLE "messages"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."chatrooms_by_activity"
        `);
    await queryRunner.query(`
            DROP TABLE "chatrooms"
        `);
    await queryRunner.query(`
            DROP TABLE "subscriptions"
        `);
    await queryRunner.query(`
            DROP TABLE "users"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."stripe_events_unprocessed"
        `);
    await queryRunner.query(`
            DROP TABLE "stripe_events"
        `);
  }
}
