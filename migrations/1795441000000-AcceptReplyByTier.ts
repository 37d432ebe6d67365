import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AcceptReplyInOneCall1795426000000 } from './1795426000000-AcceptReplyInOneCall.js';

/**
 * `accept_reply` also reads, and tells, the person's tier, where nobody can change it until the prompt is stored: so no
 * prompt has to ask for it before.
 */
export class AcceptReplyByTier1795441000000 implements MigrationInterface {
  name = 'AcceptReplyByTier1795441000000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP FUNCTION accept_reply');
    await queryRunner.query(`
      CREATE FUNCTION accept_reply(
        person uuid, room uuid, prompt uuid, content text, INOUT reply uuid, accepted_at timestamptz,
        person_unanswered_max int, room_unanswered_max int, key text, request_hash bytea,
        charge uuid, versions_of uuid, day_max int, day_first uuid, day_end uuid,
        OUT refusal text, OUT room_version int, OUT tier text
      ) LANGUAGE plpgsql AS $$
      #variable_conflict use_variable
      DECLARE
        of_person int;
        in_room int;
        newest uuid;
      BEGIN
        -- Whoever stores an owed reply takes this lock first. The statements below see what was stored under it before.
        SELECT CASE WHEN u.tier_until <= accepted_at THEN 'basic' ELSE u.tier END INTO tier
        FROM users u WHERE u.id = person AND u.deleting_at IS NULL FOR NO KEY UPDATE;
        IF NOT FOUND THEN refusal := 'PERSON_NOT_FOUND'; RETURN; END IF;

        PERFORM FROM chatrooms c WHERE c.user_id = person AND c.id = room;
        IF NOT FOUND THEN refusal := 'CHATROOM_NOT_FOUND'; RETURN; END IF;

        SELECT count(*), count(*) FILTER (WHERE m.chatroom_id = room) INTO of_person, in_room
        FROM messages m WHERE m.user_id = person AND m.status IN ('pending', 'streaming');
        IF in_room >= room_unanswered_max THEN refusal := 'ROOM_UNANSWERED_LIMIT_REACHED'; RETURN; END IF;
        IF of_person >= person_unanswered_max THEN refusal := 'USER_UNANSWERED_LIMIT_REACHED'; RETURN; END IF;

        IF tier = 'basic' AND day_max <= (
          SELECT count(*) FROM (
            SELECT FROM prompt_charges p WHERE p.user_id = person AND p.id >= day_first AND p.id < day_end LIMIT day_max
          ) charged
        ) THEN refusal := 'DAILY_PROMPT_LIMIT_REACHED'; RETURN; END IF;

        -- Replies are answered in the order of their ids. One that was overtaken on its way here, by somebody faster or
        -- with a clock ahead, becomes a millisecond younger than the newest.
        SELECT m.id INTO newest FROM messages m
        WHERE m.user_id = person AND m.chatroom_id = room ORDER BY m.id DESC LIMIT 1;
        IF newest >= reply THEN
          reply := (lpad(to_hex(('x' || left(replace(newest::text, '-', ''), 12))::bit(48)::bigint + 1), 12, '0')
            || right(replace(reply::text, '-', ''), 20))::uuid;
        END IF;

        UPDATE chatrooms c SET last_activity_at = greatest(c.last_activity_at, accepted_at),
          version = c.version + CASE WHEN versions_of IS NULL THEN 0 ELSE 1 END
        WHERE c.user_id = person AND c.id = room RETURNING c.version INTO room_version;
        IF NOT FOUND THEN refusal := 'CHATROOM_NOT_FOUND'; RETURN; END IF;

        IF content IS NOT NULL THEN
          INSERT INTO messages (user_id, id, chatroom_id, role, content, status, version, version_of, created_at, finished_at)
          VALUES (person, prompt, room, 'user', content, 'completed', room_version, versions_of, accepted_at, accepted_at);
        END IF;
        INSERT INTO messages
          (user_id, id, chatroom_id, role, content, status, prompt_id, charge_id, version, version_of, created_at)
        VALUES (person, reply, room, 'model', '', 'pending', prompt, charge, room_version,
          CASE WHEN content IS NULL THEN versions_of END, accepted_at);
        INSERT INTO prompt_charges (user_id, id) VALUES (person, charge);
        IF key IS NOT NULL THEN
          INSERT INTO idempotency_keys (user_id, key, request_hash, outcome)
          VALUES (person, key, request_hash, json_build_object('replyId', reply));
        END IF;
      END $$`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP FUNCTION accept_reply');
    await new AcceptReplyInOneCall1795426000000().up(queryRunner);
  }
}
