import type { MigrationInterface, QueryRunner } from 'typeorm';

/** `finish_reply`, which RepliesRepository calls: one round trip with kept plans, which also says which reply is the next. */
export class FinishReplyInOneCall1795440000000 implements MigrationInterface {
  name = 'FinishReplyInOneCall1795440000000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE FUNCTION finish_reply(
        person uuid, finished_id uuid, of_attempt int, final_status text, text text, error text, reason text, by_model text,
        tokens_in int, tokens_out int, left_out int, first_ms int, all_ms int,
        OUT finished boolean, OUT next_waiting uuid
      ) LANGUAGE plpgsql AS $$
      #variable_conflict use_variable
      DECLARE
        room uuid;
        charge uuid;
        gone_since int;
      BEGIN
        -- A regenerated reply that ends as nothing is part of no version, unless the conversation has gone on from it.
        UPDATE messages reply SET status = final_status, content = text, error_code = error, finish_reason = reason,
          model = by_model, prompt_tokens = tokens_in, output_tokens = tokens_out, turns_left_out = left_out,
          first_token_ms = first_ms, total_ms = all_ms, finished_at = now(),
          last_version = CASE WHEN final_status <> 'completed' AND reply.version_of IS NOT NULL
            AND NOT EXISTS (
              SELECT FROM messages later
              WHERE later.user_id = person AND later.chatroom_id = reply.chatroom_id AND later.id > finished_id)
            THEN reply.version - 1 END
        WHERE reply.user_id = person AND reply.id = finished_id
          AND reply.attempt = of_attempt AND reply.status = 'streaming'
        RETURNING reply.chatroom_id, reply.charge_id, reply.last_version INTO room, charge, gone_since;
        finished := FOUND;
        IF NOT finished THEN RETURN; END IF;

        -- What went when it took its place comes back.
        IF gone_since IS NOT NULL THEN
          UPDATE messages m SET last_version = NULL
          WHERE m.user_id = person AND m.chatroom_id = room AND m.last_version = gone_since AND m.id <> finished_id;
        END IF;
        IF final_status <> 'completed' THEN
          DELETE FROM prompt_charges p WHERE p.user_id = person AND p.id = charge;
        END IF;

        -- One that was tried has its own time to be tried again.
        SELECT CASE WHEN m.attempt = 0 THEN m.id END INTO next_waiting FROM messages m
        WHERE m.user_id = person AND m.chatroom_id = room AND m.status IN ('pending', 'streaming')
        ORDER BY m.id LIMIT 1;
      END $$`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP FUNCTION finish_reply');
  }
}
