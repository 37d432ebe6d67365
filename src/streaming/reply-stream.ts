import { Inject, Injectable, Logger } from '@nestjs/common';
import { keys, replyFinalChannel } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { RedisScript } from '../redis/redis-script.js';

/** How long a stream can be resumed after its last event. Afterwards the stored message is sent instead. */
export const STREAM_LIFETIME_MS = 10 * 60_000;
/** Entries kept of one stream; at one each 30 ms this is longer than any reply may take. */
const ENTRIES_MAX = 20_000;
/** Entries read at once: bounds what one reader holds in memory. */
const BATCH = 200;

/** Above every attempt that there can be. */
const NEWEST_ATTEMPT = 2_147_483_647;

/** Before the first event of any stream. */
export const STREAM_START = '0-0';
const ENTRY_ID = /^\d{1,15}-\d{1,10}$/;

export type ReplyEventType = 'begin' | 'restart' | 'delta' | 'final';

/** One entry of a reply's stream. `text` is empty but for a delta. */
export interface ReplyEvent {
  /** Increases along the stream: what a client resumes from. */
  id: string;
  type: ReplyEventType;
  text: string;
}

/** What became of an append: `fenced` means that a newer attempt has the reply, or that it is final. */
export type AppendResult = 'ok' | 'fenced' | 'lost';

/**
 * KEYS: the stream, the channel of finals. ARGV: attempt, type, text, lifetime, most entries. Every entry says its attempt,
 * so the newest one tells whether this attempt may still write; what it says never changes once the stream is final.
 *
 * Each entry is published with the id of the one before, so that who has that one needs to read nothing; and a final
 * state even where the stream has it. Before Redis 7 there are no sharded channels. A user that may not publish writes on.
 */
const APPEND = new RedisScript<AppendResult>(`
local function publish(channel, message)
  if type(redis.pcall('SPUBLISH', channel, message)) == 'table' then redis.pcall('PUBLISH', channel, message) end
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local attempt, kind = tonumber(ARGV[1]), ARGV[2]
if kind == 'final' then publish(KEYS[2], '') end
if last then
  if tonumber(last[2][2]) > attempt or last[2][4] == 'final' then return 'fenced' end
  if kind == 'begin' then kind = 'restart' end
elseif kind == 'delta' then
  return 'lost'
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[5], '*', 'attempt', attempt, 'type', kind, 'text', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
publish(KEYS[1], (last and last[1] or '0-0') .. ' ' .. id .. ' ' .. kind .. ' ' .. ARGV[3])
return 'ok'`);

/** The live text of a reply, over a Redis Stream: any process appends, any process reads from any point on. */
@Injectable()
export class ReplyStream {
  private readonly logger = new Logger(ReplyStream.name);

  constructor(@Inject(REDIS) private readonly redis: RedisClient) {}

  /** First thing in an attempt. Where an earlier attempt may have shown something, readers are told to start over. */
  begin(replyId: string, attempt: number): Promise<AppendResult> {
    return this.append(replyId, attempt, attempt === 1 ? 'begin' : 'restart', '');
  }

  /** Tells readers to start over. */
  restart(replyId: string, attempt: number): Promise<AppendResult> {
    return this.append(replyId, attempt, 'restart', '');
  }

  /** `lost` when Redis has forgotten the stream: restart it, and append all the text there is. */
  delta(replyId: string, attempt: number, text: string): Promise<AppendResult> {
    return this.append(replyId, attempt, 'delta', text);
  }

  /** To be called once the row is final: tells watchers, and who waits for that alone. They find it by themselves where this fails. */
  async tryFinish(replyId: string, attempt: number): Promise<void> {
    try {
      await this.append(replyId, attempt, 'final', '');
    } catch (err) {
      this.logger.warn(
        { err, replyId },
        'Nobody was told of a final reply; who waits for it finds it by themselves',
      );
    }
  }

  /** The next events after one, in order; none when there are none yet, or the stream is not there (any more). */
  async read(replyId: string, afterId: string): Promise<ReplyEvent[]> {
    const entries = await this.redis.xrange(keys.replyStream(replyId), `(${afterId}`, '+', 'COUNT', BATCH);
    return entries.map(([id, fields]) => toEvent(id, fields));
  }

  /** The id of the final event; undefined while there is none, and when the stream is gone, as it is without Redis. */
  async tryFinalEventId(replyId: string): Promise<string | undefined> {
    try {
      const [entry] = await this.redis.xrevrange(keys.replyStream(replyId), '+', '-', 'COUNT', 1);
      return entry && toEvent(...entry).type === 'final' ? entry[0] : undefined;
    } catch {
      return undefined;
    }
  }

  /** The text that was streamed by the newest attempt. */
  async text(replyId: string): Promise<string> {
    const entries = await this.redis.xrange(keys.replyStream(replyId), '-', '+');
    return entries
      .map(([id, fields]) => toEvent(id, fields))
      .reduce((text, event) => (event.type === 'restart' ? '' : text + event.text), '');
  }

  /** For a message that was deleted: forgets its text, and lets nobody write on. Who watches or waits is told. */
  async discard(replyId: string): Promise<void> {
    await this.append(replyId, NEWEST_ATTEMPT, 'final', '');
    await this.redis.xtrim(keys.replyStream(replyId), 'MAXLEN', 1);
  }

  private append(
    replyId: string,
    attempt: number,
    type: ReplyEventType,
    text: string,
  ): Promise<AppendResult> {
    return APPEND.run(
      this.redis,
      [keys.replyStream(replyId), replyFinalChannel(replyId)],
      [attempt, type, text, STREAM_LIFETIME_MS, ENTRIES_MAX],
    );
  }
}

/** An event, and the id of the one before it. */
export interface PublishedEvent {
  afterId: string;
  event: ReplyEvent;
}

/** As our script publishes it: the entry before, the entry, type, text. */
export function readPublished(message: string): PublishedEvent {
  const [afterId = '', id = '', type = ''] = message.split(' ', 3);
  const text = message.slice(afterId.length + id.length + type.length + 3);
  return { afterId, event: { id, type: type as ReplyEventType, text } };
}

/** As our script writes it: attempt, type, text. */
function toEvent(id: string, fields: readonly string[]): ReplyEvent {
  return { id, type: fields[3] as ReplyEventType, text: fields[5] ?? '' };
}

/** True for an id that a stream of ours can have had. */
export const isEventId = (id: string): boolean => ENTRY_ID.test(id);

/** True when event `a` comes after event `b`: milliseconds, then sequence number. */
export function isAfter(a: string, b: string): boolean {
  const [aMs = 0, aSeq = 0] = a.split('-').map(Number);
  const [bMs = 0, bSeq = 0] = b.split('-').map(Number);
  return aMs === bMs ? aSeq > bSeq : aMs > bMs;
}
