import type pg from 'pg';

export interface Conversation {
  userId: string;
  roomId: string;
  /** Prompts and replies, all answered. */
  messages: number;
}

/** Different words there are. Of rank r one message in 10 r or so has the word, as in people's languages (Zipf). */
const VOCABULARY = 20_000;
const WORDS_A_MESSAGE = 20;

/** The word of a rank, 1 being the commonest. */
export const wordOf = (rank: number): string =>
  `x${String(rank).replaceAll(/\d/g, (digit) => 'abcdefghij'.charAt(Number(digit)))}`;

/**
 * Fills rooms with conversations, straight into the table and without looking at what cannot be wrong; the index of words
 * is made once at the end. Some 30 s for a million messages. The same words every time.
 */
export async function fillRooms(database: pg.Pool, conversations: readonly Conversation[]): Promise<void> {
  const client = await database.connect();
  try {
    await client.query(`SET session_replication_role = replica; SET maintenance_work_mem = '512MB'`);
    const { rows } = await client.query<{ made: string }>(
      `SELECT indexdef AS made FROM pg_indexes WHERE indexname = 'messages_by_word'`,
    );
    await client.query('DROP INDEX messages_by_word');
    await client.query('SELECT setseed(0.42)');
    for (const { userId, roomId, messages } of conversations) {
      await client.query(FILL, [userId, roomId, messages, Date.now() - messages]);
    }
    await client.query(rows[0]?.made ?? '');
  } finally {
    // With its settings.
    client.release(true);
  }
  await database.query('VACUUM ANALYZE messages');
}

/** The id of the n-th message: a UUIDv7 of a millisecond of its own. $4: the millisecond before the first. */
const id = (n: string): string =>
  `(lpad(to_hex($4::bigint + ${n}), 12, '0') || '70008000' || lpad(to_hex(${n}), 12, '0'))::uuid`;

const FILL = `
  INSERT INTO messages (user_id, id, chatroom_id, role, content, status, prompt_id, charge_id, finish_reason, model,
    prompt_tokens, output_tokens, turns_left_out, first_token_ms, total_ms, attempt, created_at, finished_at)
  SELECT $1, ${id('n')}, $2, CASE WHEN is_reply THEN 'model' ELSE 'user' END, content, 'completed',
    CASE WHEN is_reply THEN ${id('n - 1')} END, CASE WHEN is_reply THEN ${id('n - 1')} END,
    CASE WHEN is_reply THEN 'STOP' END, CASE WHEN is_reply THEN 'gemini-3.8-flash' END,
    CASE WHEN is_reply THEN 200 END, CASE WHEN is_reply THEN 60 END, CASE WHEN is_reply THEN 0 END,
    CASE WHEN is_reply THEN 300 END, CASE WHEN is_reply THEN 900 END, is_reply::int,
    to_timestamp(($4 + n) / 1000.0), to_timestamp(($4 + n) / 1000.0)
  FROM (
    SELECT n, n % 2 = 0 AS is_reply, (
      SELECT string_agg('x' || translate(floor(exp(random() * ln(${VOCABULARY})))::text, '0123456789', 'abcdefghij'), ' ')
      -- Of this message: words of its own.
      FROM generate_series(1, ${WORDS_A_MESSAGE}) WHERE n > 0
    ) AS content
    FROM generate_series(1::bigint, $3::bigint) n
  ) message`;
