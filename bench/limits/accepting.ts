import { Queue } from 'bullmq';
import { v7 as newId } from 'uuid';
import { Decisions } from './decisions.js';
import type { Limit } from './server.js';

export const LIMIT_QUEUE = 'replies';
export const LIMIT_QUEUE_PREFIX = '{limit-queue}';

export interface LimitJob {
  userId: string;
  replyId: string;
}

const DAY_MS = 86_400_000;
const RESERVATION_MS = 60_000;

/** One prompt of the day, until it is stored. */
const RESERVE = `
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[4])
return redis.call('ZCARD', KEYS[3])`;

/** All rows that an accepted prompt is, in one statement; none where person or room are not there. */
const STORE = `
  WITH owner AS (
    SELECT id, tier FROM users WHERE id = $1 AND deleting_at IS NULL FOR NO KEY UPDATE
  ), room AS (
    UPDATE chatrooms SET last_activity_at = greatest(last_activity_at, $6) FROM owner
    WHERE user_id = owner.id AND chatrooms.id = $2 RETURNING user_id, chatrooms.id, version, owner.tier
  ), prompt AS (
    INSERT INTO messages (user_id, id, chatroom_id, role, content, status, version, created_at, finished_at)
    SELECT user_id, $3, id, 'user', $4, 'completed', version, $6, $6 FROM room
  ), reply AS (
    INSERT INTO messages (user_id, id, chatroom_id, role, content, status, prompt_id, charge_id, version, created_at)
    SELECT user_id, $5, id, 'model', '', 'pending', $3, $3, version, $6 FROM room
  ), charge AS (
    INSERT INTO prompt_charges (user_id, id) SELECT user_id, $3 FROM room
  )
  SELECT version, tier FROM room`;

/**
 * `POST /rooms/:id/messages`: two round trips to Redis for what is decided (the quota of the day goes with what is the person's),
 * one statement of Postgres, and then at once the job, the charge and the list of rooms.
 */
export function acceptPrompts({ server, redis, database, authenticate }: Limit): void {
  const decisions = new Decisions(redis, RESERVE);
  const queue = new Queue<LimitJob>(LIMIT_QUEUE, { connection: redis, prefix: LIMIT_QUEUE_PREFIX });

  server.post<{ Params: { id: string }; Body: { content: string } }>(
    '/rooms/:id/messages',
    async (request, reply) => {
      await decisions.address(request.ip);
      const { sub, sid } = authenticate(request);
      const [promptId, replyId, now] = [newId(), newId(), new Date()];
      const usage = `limit:usage:{${sub}}:${now.toISOString().slice(0, 10)}`;
      await decisions.person(sub, sid, [usage], [now.getTime(), now.getTime() + RESERVATION_MS, promptId]);
      const { content } = request.body;
      const { rows } = await database.query<{ version: number }>({
        ...{ name: 'store', text: STORE, values: [sub, request.params.id, promptId, content, replyId, now] },
      });
      const [room] = rows;
      if (room === undefined) return reply.status(404).send();
      await Promise.all([
        redis
          .pipeline()
          .zadd(usage, 'inf', promptId)
          .pexpire(usage, 2 * DAY_MS)
          .del(`limit:list:{${sub}}`)
          .exec(),
        queue.add(
          'reply',
          { userId: sub, replyId },
          {
            ...{ jobId: replyId, priority: 1 + (Math.floor(now.getTime() / 1000) % 2 ** 21) },
            ...{ removeOnComplete: true, removeOnFail: true, attempts: 6 },
          },
        ),
      ]);
      const both = { chatroomId: request.params.id, version: room.version, createdAt: now, ...EMPTY };
      const messages = `/v1/chatrooms/${request.params.id}/messages`;
      return reply.status(202).send({
        prompt: { ...both, id: promptId, role: 'user', content, status: 'completed', finishedAt: now },
        reply: { ...both, id: replyId, role: 'model', content: '', status: 'pending', promptId },
        streamUrl: `${messages}/${replyId}/stream?ticket=${'x'.repeat(51)}`,
        links: {
          reply: `${messages}/${replyId}`,
          wait: `${messages}/${replyId}?wait=30`,
          cancel: `${messages}/${replyId}/cancel`,
          regenerate: `${messages}/${replyId}/regenerate`,
          messages,
        },
      });
    },
  );
}

const EMPTY = {
  ...{
    promptId: null,
    lastVersion: null,
    versionOf: null,
    finishReason: null,
    model: null,
    promptTokens: null,
  },
  ...{ outputTokens: null, turnsLeftOut: null, firstTokenMs: null, totalMs: null, finishedAt: null },
};
