import type { MigrationInterface, QueryRunner } from 'typeorm';

/** `claim_reply`, which RepliesRepository calls. A function, so that its plan is kept, behind PgBouncer too. */
export class ClaimReplyInOneCall1795430000000 implements MigrationInterface {
  name = 'ClaimReplyInOneCall1795430000000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    const answered = `m.role = 'model' AND m.status IN ('completed', 'cancelled') AND m.content <> '' AND m.last_version IS NULL`;
    await queryRunner.query(`
      CREATE FUNCTION claim_reply(person uuid, claimed_id uuid, characters_max int, turns_max int, counted_max int)
      RETURNS TABLE (
        chatroom_id uuid, prompt_id uuid, charge_id uuid, attempt int, failures int, returns int,
        prompt text, system_instruction text, model text, awaits_title boolean, turns int, history json
      ) LANGUAGE plpgsql AS $$
      #variable_conflict use_column
      DECLARE
        claimed messages%ROWTYPE;
        characters_left int;
      BEGIN
        UPDATE messages reply SET status = 'streaming', attempt = reply.attempt + 1
        WHERE reply.user_id = person AND reply.id = claimed_id AND reply.status IN ('pending', 'streaming')
          AND NOT EXISTS (
            SELECT FROM messages earlier
            WHERE earlier.user_id = person AND earlier.chatroom_id = reply.chatroom_id AND earlier.id < claimed_id
              AND earlier.status IN ('pending', 'streaming'))
        RETURNING reply.* INTO claimed;
        IF NOT FOUND THEN RETURN; END IF;
        chatroom_id := claimed.chatroom_id;
        prompt_id := claimed.prompt_id;
        charge_id := claimed.charge_id;
        attempt := claimed.attempt;
        failures := claimed.failures;
        returns := claimed.returns;

        SELECT asked.content, room.system_instruction, room.model, room.title IS NULL AND room.auto_title
        INTO prompt, system_instruction, model, awaits_title
        FROM messages asked JOIN chatrooms room ON room.user_id = asked.user_id AND room.id = asked.chatroom_id
        WHERE asked.user_id = person AND asked.id = claimed.prompt_id;

        SELECT count(*) INTO turns FROM (
          SELECT FROM messages m
          WHERE m.user_id = person AND m.chatroom_id = claimed.chatroom_id AND m.id < claimed_id AND ${answered}
          LIMIT counted_max) turn;
        -- Texts are read for the newest turns only, and for none in a room's first.
        IF turns > 0 THEN
          characters_left := characters_max - length(prompt) - coalesce(length(system_instruction), 0);
          SELECT json_agg(json_build_object('prompt', turn.asked, 'reply', turn.answer) ORDER BY turn.id) INTO history
          FROM (
            SELECT newest.id, asked.content AS asked, newest.content AS answer,
              sum(length(asked.content) + length(newest.content)) OVER (ORDER BY newest.id DESC) AS characters
            FROM (
              SELECT m.id, m.content, m.prompt_id FROM messages m
              WHERE m.user_id = person AND m.chatroom_id = claimed.chatroom_id AND m.id < claimed_id AND ${answered}
              ORDER BY m.id DESC LIMIT turns_max
            ) newest JOIN messages asked ON asked.user_id = person AND asked.id = newest.prompt_id
          ) turn WHERE turn.characters <= characters_left;
        END IF;
        RETURN NEXT;
      END $$`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP FUNCTION claim_reply');
  }
}
