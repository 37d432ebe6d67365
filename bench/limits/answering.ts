import { type Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { LIMIT_QUEUE, LIMIT_QUEUE_PREFIX, type LimitJob } from './accepting.js';
import { askModel } from './model-call.js';
import { type Limit, setting } from './server.js';

/** Redis channel: what every reply says, for who shows it. */
export const LIMIT_TEXTS = 'limit-texts';

export interface Text {
  replyId: string;
  type: string;
  text: string;
}

export const streamKey = (replyId: string): string => `limit:stream:{${replyId}}`;

const STREAM_MS = 600_000;
const ANSWERED = `role = 'model' AND status IN ('completed', 'cancelled') AND content <> '' AND last_version IS NULL`;

const CLAIM = {
  name: 'claim',
  text: `
    UPDATE messages reply SET status = 'streaming', attempt = attempt + 1
    WHERE user_id = $1 AND id = $2 AND status IN ('pending', 'streaming') AND NOT EXISTS (
      SELECT 1 FROM messages earlier
      WHERE earlier.user_id = $1 AND earlier.chatroom_id = reply.chatroom_id AND earlier.id < $2
        AND earlier.status IN ('pending', 'streaming'))
    RETURNING chatroom_id, prompt_id, attempt`,
};

/** The prompt, its room's settings, and the turns before it. */
const CONTEXT = {
  name: 'context',
  text: `
    SELECT prompt.content, room.system_instruction, room.model, (
      SELECT json_agg(json_build_array(earlier.content, turn.content)) FROM (
        SELECT prompt_id, content FROM messages WHERE user_id = $1 AND chatroom_id = $3 AND id < $4 AND ${ANSWERED}
        ORDER BY id DESC LIMIT 200) turn
      JOIN messages earlier ON earlier.user_id = $1 AND earlier.id = turn.prompt_id) AS turns
    FROM messages prompt JOIN chatrooms room ON room.user_id = prompt.user_id AND room.id = prompt.chatroom_id
    WHERE prompt.user_id = $1 AND prompt.id = $2`,
};

/** Also says which reply of the room is the next, and whether the room needs a title. */
const FINISH = {
  name: 'finish',
  text: `
    UPDATE messages SET status = 'completed', content = $4, finish_reason = 'STOP', model = 'gemini-3.8-flash',
      prompt_tokens = 1, output_tokens = 1, turns_left_out = 0, first_token_ms = $5, total_ms = $5, finished_at = now()
    WHERE user_id = $1 AND id = $2 AND attempt = $3 AND status = 'streaming'
    RETURNING (
      SELECT id FROM messages next WHERE next.user_id = $1 AND next.chatroom_id = messages.chatroom_id AND next.id > $2
        AND next.status IN ('pending', 'streaming') ORDER BY id LIMIT 1
    ) AS next, (
      SELECT title IS NULL FROM chatrooms room WHERE room.user_id = $1 AND room.id = messages.chatroom_id
    ) AS untitled`,
};

/** Works the queue: three statements, one call of the model, and what live readers and waiters are told. */
export function answerPrompts({ redis, database }: Limit): void {
  const model = setting('GEMINI_BASE_URL');

  const answer = async ({ data: { userId, replyId } }: Job<LimitJob>): Promise<void> => {
    const claimed = await database.query<{ chatroom_id: string; prompt_id: string; attempt: number }>({
      ...{ ...CLAIM, values: [userId, replyId] },
    });
    const [claim] = claimed.rows;
    if (claim === undefined) throw new Error('The reply cannot be claimed');
    const context = await database.query<{ content: string }>({
      ...{ ...CONTEXT, values: [userId, claim.prompt_id, claim.chatroom_id, replyId] },
    });
    const stream = new LimitStream(redis, replyId, claim.attempt);
    await stream.append('begin', '');
    const began = performance.now();
    await askModel(model, context.rows[0]?.content ?? '', (text) => {
      stream.write(text);
    });
    await stream.flush();
    const ms = Math.round(performance.now() - began);
    await database.query({ ...FINISH, values: [userId, replyId, claim.attempt, stream.text, ms] });
    const day = new Date().toISOString().slice(0, 10);
    await Promise.all([
      stream.append('final', ''),
      redis.zadd(`limit:usage:{${userId}}:${day}`, 'inf', claim.prompt_id),
      redis.publish('limit-reply-final', replyId),
    ]);
  };

  const worker = new Worker<LimitJob>(LIMIT_QUEUE, answer, {
    connection: { url: setting('REDIS_URL'), maxRetriesPerRequest: null },
    prefix: LIMIT_QUEUE_PREFIX,
    concurrency: Number(setting('REPLY_CONCURRENCY')),
  });
  worker.on('failed', (_job, error) => {
    console.error(error);
  });
}

/** The live text: the first piece at once, what comes while it is being written in one piece after it. */
class LimitStream {
  text = '';
  private written = 0;
  private writing: Promise<unknown> | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly replyId: string,
    private readonly attempt: number,
  ) {}

  write(text: string): void {
    this.text += text;
    this.writing ??= this.append('delta', this.take());
  }

  async flush(): Promise<void> {
    await this.writing;
    const rest = this.take();
    if (rest !== '') await this.append('delta', rest);
  }

  async append(type: string, text: string): Promise<void> {
    const { replyId } = this;
    const key = streamKey(replyId);
    await this.redis
      .pipeline()
      .xadd(key, '*', 'attempt', this.attempt, 'type', type, 'text', text)
      .pexpire(key, STREAM_MS)
      .publish(LIMIT_TEXTS, JSON.stringify({ replyId, type, text } satisfies Text))
      .exec();
  }

  private take(): string {
    const piece = this.text.slice(this.written);
    this.written = this.text.length;
    return piece;
  }
}
