/** Reading messages, by hand: the decisions, and one statement. */
import { Decisions } from './decisions.js';
import { serveLimit } from './server.js';

const COLUMNS = `id, chatroom_id AS "chatroomId", role, content, status, prompt_id AS "promptId", version,
  last_version AS "lastVersion", version_of AS "versionOf", finish_reason AS "finishReason", model,
  prompt_tokens AS "promptTokens", output_tokens AS "outputTokens", turns_left_out AS "turnsLeftOut",
  first_token_ms AS "firstTokenMs", total_ms AS "totalMs", created_at AS "createdAt", finished_at AS "finishedAt"`;

const PAGE = `SELECT ${COLUMNS} FROM messages
  WHERE user_id = $1 AND chatroom_id = $2 AND last_version IS NULL ORDER BY id DESC LIMIT 51`;

const SEARCH = `
  SELECT ${COLUMNS}, rank FROM (
    SELECT id, ts_rank(search, query, 1) AS rank
    FROM messages, websearch_to_tsquery('simple', $2) AS query
    WHERE user_id = $1 AND search @@ ($3::tsquery && query)
      AND status IN ('completed', 'cancelled') AND content <> '' AND last_version IS NULL
    ORDER BY rank DESC, id DESC LIMIT 21
  ) hit JOIN messages USING (id) WHERE user_id = $1 ORDER BY rank DESC, id DESC`;

await serveLimit(({ server, redis, database, authenticate }) => {
  const decisions = new Decisions(redis, 'return false');

  server.get<{ Params: { id: string } }>('/rooms/:id/messages', async (request) => {
    await decisions.address(request.ip);
    const { sub, sid } = authenticate(request);
    await decisions.person(sub, sid, [], []);
    const { rows } = await database.query({ name: 'page', text: PAGE, values: [sub, request.params.id] });
    return { data: rows.slice(0, 50) };
  });

  server.get<{ Querystring: { q: string } }>('/search', async (request) => {
    await decisions.address(request.ip);
    const { sub, sid } = authenticate(request);
    await decisions.person(sub, sid, [], []);
    // Planned for these very words: a plan for any words would not know how rare they are.
    const { rows } = await database.query(SEARCH, [sub, request.query.q, `' ${sub}'`]);
    return { data: rows.slice(0, 20) };
  });
});
