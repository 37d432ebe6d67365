import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AcceptReplyInOneCall1795426000000 } from './1795426000000-AcceptReplyInOneCall.js';
import { ClaimReplyInOneCall1795430000000 } from './1795430000000-ClaimReplyInOneCall.js';
import { FinishReplyInOneCall1795440000000 } from './1795440000000-FinishReplyInOneCall.js';
import { AcceptReplyByTier1795441000000 } from './1795441000000-AcceptReplyByTier.js';

/**
 * `accept_replies`, `claim_replies` and `finish_replies` do for many what the functions before them did for one: twenty
 * together take a fifth of the time that they take one by one. None of them waits for a lock, as one that somebody has would
 * hold up all the others: such a row is left as it is, and told.
 */
export class RepliesInBatches1795450000000 implements MigrationInterface {
  name = 'RepliesInBatches1795450000000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP FUNCTION accept_reply, claim_reply, finish_reply');
    await queryRunner.query(ACCEPT);
    await queryRunner.query(CLAIM);
    await queryRunner.query(FINISH);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP FUNCTION accept_replies, claim_replies, finish_replies');
    await new AcceptReplyInOneCall1795426000000().up(queryRunner);
    await new AcceptReplyByTier1795441000000().up(queryRunner);
    await new ClaimReplyInOneCall1795430000000().up(queryRunner);
    await new FinishReplyInOneCall1795440000000().up(queryRunner);
  }
}

/**
 * One plan, made once for each connection, that looks rows up by their keys: whatever was in the tables when it was made, and
 * however large the first batches were. What is read costs, where it lies does not; and OFFSET 0 keeps a lookup a lookup:
 * Postgres believes that few replies are unfinished, and would rather read all of those.
 */
const PLANS = `
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET enable_material = off SET cpu_tuple_cost = 1 SET cpu_index_tuple_cost = 1 SET random_page_cost = 0.1`;

/**
 * The n-th of each array is one request; a person has one at most. Answers in their order. BUSY: somebody else has the
 * room or the person, who may be about to be deleted; nothing was done.
 */
const ACCEPT = `
  CREATE FUNCTION accept_replies(
    persons uuid[], rooms uuid[], prompts uuid[], contents text[], replies uuid[], keys text[], request_hashes bytea[],
    charges uuid[], versions_of uuid[], day_maxes int[], day_firsts uuid[], day_ends uuid[],
    accepted_at timestamptz, person_unanswered_max int, room_unanswered_max int
  ) RETURNS TABLE (refusal text, room_version int, reply uuid, tier text) LANGUAGE plpgsql ${PLANS} AS $$
  #variable_conflict use_column
  DECLARE
    locked_persons uuid[];
    locked_rooms uuid[];
  BEGIN
    -- Whoever stores an owed reply takes this lock first. The statements below see what was stored under it before.
    SELECT coalesce(array_agg(locked.id), '{}') INTO locked_persons FROM (
      SELECT u.id FROM users u WHERE u.id = ANY (persons) AND u.deleting_at IS NULL
      FOR NO KEY UPDATE SKIP LOCKED) locked;
    SELECT coalesce(array_agg(locked.id), '{}') INTO locked_rooms FROM (
      SELECT c.id FROM unnest(persons, rooms) a (person, room) CROSS JOIN LATERAL (
        SELECT c.id FROM chatrooms c WHERE c.user_id = a.person AND c.id = a.room
        OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) c
      WHERE a.person = ANY (locked_persons)) locked;

    RETURN QUERY
    WITH asked AS (
      SELECT a.*, c.id AS found_room, CASE WHEN u.tier_until <= accepted_at THEN 'basic' ELSE u.tier END AS tier
      FROM unnest(persons, rooms, prompts, contents, replies, keys, request_hashes, charges, versions_of,
        day_maxes, day_firsts, day_ends) WITH ORDINALITY
        a (person, room, prompt, content, reply, key, request_hash, charge, version_of, day_max, day_first, day_end, place)
      LEFT JOIN LATERAL (SELECT * FROM users u WHERE u.id = a.person OFFSET 0) u ON true
      LEFT JOIN LATERAL (SELECT c.id FROM chatrooms c WHERE c.user_id = a.person AND c.id = a.room OFFSET 0) c ON true
    ), judged AS (
      SELECT a.*, CASE
        WHEN a.person <> ALL (locked_persons) THEN 'BUSY'
        WHEN a.found_room IS NULL THEN 'CHATROOM_NOT_FOUND'
        WHEN a.room <> ALL (locked_rooms) THEN 'BUSY'
        WHEN owed.in_room >= room_unanswered_max THEN 'ROOM_UNANSWERED_LIMIT_REACHED'
        WHEN owed.of_person >= person_unanswered_max THEN 'USER_UNANSWERED_LIMIT_REACHED'
        WHEN a.tier = 'basic' AND a.day_max <= (
          SELECT count(*) FROM (
            SELECT FROM prompt_charges p WHERE p.user_id = a.person AND p.id >= a.day_first AND p.id < a.day_end LIMIT a.day_max
          ) charged
        ) THEN 'DAILY_PROMPT_LIMIT_REACHED'
      END AS refusal,
      -- Replies are answered in the order of their ids. One that was overtaken on its way here, by somebody faster or
      -- with a clock ahead, becomes a millisecond younger than the newest.
      CASE WHEN newest.id < a.reply OR newest.id IS NULL THEN a.reply ELSE
        (lpad(to_hex(('x' || left(replace(newest.id::text, '-', ''), 12))::bit(48)::bigint + 1), 12, '0')
          || right(replace(a.reply::text, '-', ''), 20))::uuid
      END AS reply_id
      FROM asked a
      CROSS JOIN LATERAL (
        SELECT count(*) AS of_person, count(*) FILTER (WHERE m.chatroom_id = a.room) AS in_room
        FROM messages m WHERE m.user_id = a.person AND m.status IN ('pending', 'streaming')
      ) owed
      LEFT JOIN LATERAL (
        SELECT m.id FROM messages m WHERE m.user_id = a.person AND m.chatroom_id = a.room ORDER BY m.id DESC LIMIT 1
      ) newest ON true
    ), accepted AS (
      UPDATE chatrooms c SET last_activity_at = greatest(c.last_activity_at, accepted_at),
        version = c.version + CASE WHEN j.version_of IS NULL THEN 0 ELSE 1 END
      FROM judged j WHERE j.refusal IS NULL AND c.user_id = j.person AND c.id = j.room
      RETURNING j.*, c.version AS room_version
    ), stored AS (
      INSERT INTO messages (
        user_id, id, chatroom_id, role, content, status, prompt_id, charge_id, version, version_of, created_at, finished_at)
      SELECT a.person, a.prompt, a.room, 'user', a.content, 'completed', NULL::uuid, NULL::uuid,
        a.room_version, a.version_of, accepted_at, accepted_at
      FROM accepted a WHERE a.content IS NOT NULL
      UNION ALL
      SELECT a.person, a.reply_id, a.room, 'model', '', 'pending', a.prompt, a.charge,
        a.room_version, CASE WHEN a.content IS NULL THEN a.version_of END, accepted_at, NULL
      FROM accepted a
    ), charged AS (
      INSERT INTO prompt_charges (user_id, id) SELECT a.person, a.charge FROM accepted a
    ), kept AS (
      INSERT INTO idempotency_keys (user_id, key, request_hash, outcome)
      SELECT a.person, a.key, a.request_hash, json_build_object('replyId', a.reply_id)
      FROM accepted a WHERE a.key IS NOT NULL
    )
    SELECT j.refusal, a.room_version, j.reply_id, j.tier
    FROM judged j LEFT JOIN accepted a ON a.place = j.place ORDER BY j.place;
  END $$`;

const answered = `m.role = 'model' AND m.status IN ('completed', 'cancelled') AND m.content <> '' AND m.last_version IS NULL`;

/** Tells those that were claimed. The others are final, gone, not their room's turn, or somebody has them just now. */
const CLAIM = `
  CREATE FUNCTION claim_replies(persons uuid[], ids uuid[], characters_max int, turns_max int, counted_max int)
  RETURNS TABLE (
    reply_id uuid, chatroom_id uuid, prompt_id uuid, charge_id uuid, attempt int, failures int, returns int,
    prompt text, system_instruction text, model text, awaits_title boolean, turns int, history json
  ) LANGUAGE plpgsql ${PLANS} AS $$
  #variable_conflict use_column
  BEGIN
    RETURN QUERY
    WITH owed AS (
      SELECT m.user_id, m.id FROM unnest(persons, ids) a (person, id) CROSS JOIN LATERAL (
        SELECT * FROM messages m WHERE m.user_id = a.person AND m.id = a.id
        OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) m
      WHERE m.status IN ('pending', 'streaming')
    ), claimed AS (
      UPDATE messages reply SET status = 'streaming', attempt = reply.attempt + 1 FROM owed
      WHERE reply.user_id = owed.user_id AND reply.id = owed.id
        AND NOT EXISTS (
          SELECT FROM messages earlier
          WHERE earlier.user_id = reply.user_id AND earlier.chatroom_id = reply.chatroom_id AND earlier.id < reply.id
            AND earlier.status IN ('pending', 'streaming') OFFSET 0)
      RETURNING reply.user_id, reply.id, reply.chatroom_id, reply.prompt_id, reply.charge_id, reply.attempt,
        reply.failures, reply.returns
    )
    SELECT claimed.id, claimed.chatroom_id, claimed.prompt_id, claimed.charge_id, claimed.attempt, claimed.failures,
      claimed.returns, asked.content, room.system_instruction, room.model, room.title IS NULL AND room.auto_title,
      counted.turns, told.history
    FROM claimed
    CROSS JOIN LATERAL (
      SELECT m.content FROM messages m WHERE m.user_id = claimed.user_id AND m.id = claimed.prompt_id OFFSET 0
    ) asked
    CROSS JOIN LATERAL (
      SELECT c.title, c.auto_title, c.system_instruction, c.model FROM chatrooms c
      WHERE c.user_id = claimed.user_id AND c.id = claimed.chatroom_id OFFSET 0
    ) room
    CROSS JOIN LATERAL (
      SELECT count(*)::int AS turns FROM (
        SELECT FROM messages m
        WHERE m.user_id = claimed.user_id AND m.chatroom_id = claimed.chatroom_id AND m.id < claimed.id AND ${answered}
        LIMIT counted_max) turn
    ) counted
    -- Texts are read for the newest turns only, and for none in a room's first.
    LEFT JOIN LATERAL (
      SELECT json_agg(json_build_object('prompt', turn.asked, 'reply', turn.answer) ORDER BY turn.id) AS history
      FROM (
        SELECT newest.id, prompt.content AS asked, newest.content AS answer,
          sum(length(prompt.content) + length(newest.content)) OVER (ORDER BY newest.id DESC) AS characters
        FROM (
          SELECT m.id, m.content, m.prompt_id FROM messages m
          WHERE m.user_id = claimed.user_id AND m.chatroom_id = claimed.chatroom_id AND m.id < claimed.id AND ${answered}
          ORDER BY m.id DESC LIMIT turns_max
        ) newest CROSS JOIN LATERAL (
          SELECT m.content FROM messages m WHERE m.user_id = claimed.user_id AND m.id = newest.prompt_id OFFSET 0
        ) prompt
      ) turn
      WHERE turn.characters <= characters_max - length(asked.content) - coalesce(length(room.system_instruction), 0)
    ) told ON counted.turns > 0;
  END $$`;

/** Answers in the order of the arrays. `finished`: null where somebody has the reply just now, and nothing was done. */
const FINISH = `
  CREATE FUNCTION finish_replies(
    persons uuid[], ids uuid[], attempts int[], statuses text[], contents text[], error_codes text[], finish_reasons text[],
    models text[], prompt_tokens int[], output_tokens int[], turns_left_out int[], first_token_ms int[], total_ms int[]
  ) RETURNS TABLE (finished boolean, next_waiting uuid) LANGUAGE plpgsql ${PLANS} AS $$
  #variable_conflict use_column
  DECLARE
    places bigint[];
    rooms uuid[];
    charges uuid[];
    gone_since int[];
  BEGIN
    WITH ended AS (
      SELECT * FROM unnest(persons, ids, attempts, statuses, contents, error_codes, finish_reasons,
        models, prompt_tokens, output_tokens, turns_left_out, first_token_ms, total_ms) WITH ORDINALITY
        e (person, id, attempt, status, content, error_code, finish_reason,
          model, prompt_tokens, output_tokens, turns_left_out, first_token_ms, total_ms, place)
    ), streaming AS (
      SELECT e.place FROM ended e CROSS JOIN LATERAL (
        SELECT * FROM messages m WHERE m.user_id = e.person AND m.id = e.id
        OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) m
      WHERE m.attempt = e.attempt AND m.status = 'streaming'
    ), final AS (
      -- A regenerated reply that ends as nothing is part of no version, unless the conversation has gone on from it.
      UPDATE messages reply SET status = e.status, content = e.content, error_code = e.error_code,
        finish_reason = e.finish_reason, model = e.model, prompt_tokens = e.prompt_tokens, output_tokens = e.output_tokens,
        turns_left_out = e.turns_left_out, first_token_ms = e.first_token_ms, total_ms = e.total_ms, finished_at = now(),
        last_version = CASE WHEN e.status <> 'completed' AND reply.version_of IS NOT NULL
          AND NOT EXISTS (
            SELECT FROM messages later
            WHERE later.user_id = reply.user_id AND later.chatroom_id = reply.chatroom_id AND later.id > reply.id OFFSET 0)
          THEN reply.version - 1 END
      FROM ended e JOIN streaming USING (place) WHERE reply.user_id = e.person AND reply.id = e.id
      RETURNING e.place, reply.chatroom_id, reply.charge_id, reply.last_version
    )
    SELECT array_agg(final.place), array_agg(final.chatroom_id), array_agg(final.charge_id), array_agg(final.last_version)
    INTO places, rooms, charges, gone_since FROM final;

    FOR n IN 1 .. coalesce(cardinality(places), 0) LOOP
      IF statuses[places[n]] <> 'completed' THEN
        DELETE FROM prompt_charges p WHERE p.user_id = persons[places[n]] AND p.id = charges[n];
      END IF;
      -- What went when it took its place comes back.
      IF gone_since[n] IS NOT NULL THEN
        UPDATE messages m SET last_version = NULL
        WHERE m.user_id = persons[places[n]] AND m.chatroom_id = rooms[n] AND m.last_version = gone_since[n]
          AND m.id <> ids[places[n]];
      END IF;
    END LOOP;

    RETURN QUERY
    SELECT
      CASE WHEN final.room IS NOT NULL THEN true WHEN EXISTS (
        SELECT FROM (SELECT * FROM messages m WHERE m.user_id = e.person AND m.id = e.id OFFSET 0) m
        WHERE m.attempt = e.attempt AND m.status = 'streaming'
      ) THEN NULL ELSE false END,
      -- One that was tried has its own time to be tried again.
      (SELECT CASE WHEN m.attempt = 0 THEN m.id END FROM messages m
        WHERE m.user_id = e.person AND m.chatroom_id = final.room AND m.status IN ('pending', 'streaming')
        ORDER BY m.id LIMIT 1)
    FROM unnest(persons, ids, attempts) WITH ORDINALITY e (person, id, attempt, place)
    LEFT JOIN unnest(places, rooms) final (place, room) ON final.place = e.place
    ORDER BY e.place;
  END $$`;
