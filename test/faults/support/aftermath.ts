import { expect } from '@jest/globals';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import type { Api } from '../../support/api.js';
import { until } from '../../support/until.js';
import type { Sent } from './crowd.js';
import type { Watcher } from './watcher.js';
import { keys } from '../../../src/redis/keys.js';
import { openRedis } from '../../support/whole-redis.js';

/** Where to look. */
export interface Scene {
  api: Api;
  database: Pool;
  redisUrl: string;
}

/** Heartbeats, locks, sweeps and retries are all shorter. */
const AT_REST_MS_MAX = 60_000;
const LOOK_MS = 200;

interface Row {
  user_id: string;
  prompt_id: string;
  reply_id: string | null;
  status: string | null;
  content: string | null;
  attempt: number | null;
  charged: boolean;
}

export interface Aftermath {
  rows: Row[];
  /** How many replies ended in each way. */
  outcomes: Record<string, number>;
  /** Replies that more than one attempt was made at. */
  takenOver: number;
}

/** What must be nothing. */
interface Wrong {
  /** Prompts that were stored twice, or have two replies. */
  duplicates: number;
  /** Prompts that were accepted and have no final reply. */
  losses: number;
  /** Charges without an answer, answers without a charge, and where Redis says otherwise than Postgres. */
  charges: number;
  /** People who are told another number than there are answers (and requests that reserve at this moment). */
  usage: number;
  /** Streams of finished replies that are there and do not say that they are finished. */
  openStreams: number;
  jobs: number;
  /** Clients of streams that were not told the end, or another text than the stored one. */
  watchers: number;
}

const PROMPTS = `
  SELECT prompt.user_id, prompt.id AS prompt_id, reply.id AS reply_id, reply.status, reply.content, reply.attempt,
         charge.id IS NOT NULL AS charged
  FROM messages prompt
  LEFT JOIN messages reply ON reply.user_id = prompt.user_id AND reply.prompt_id = prompt.id
  LEFT JOIN prompt_charges charge ON charge.user_id = prompt.user_id AND charge.id = prompt.id
  WHERE prompt.user_id = ANY($1) AND prompt.role = 'user' ORDER BY prompt.id, reply.id`;

const isAnswered = ({ status, content }: Row): boolean =>
  status === 'completed' || (status === 'cancelled' && content !== '');
const isOwed = ({ status }: Row): boolean =>
  status === null || status === 'pending' || status === 'streaming';

interface Around {
  /** What the same people sent in earlier cases. */
  before?: readonly Sent[];
  watchers?: readonly Watched[];
  /** Said at the end of the line. */
  note?: string;
}

/**
 * Waits until everything has come to rest after a fault, prints one line with the figures, and fails where a promise was
 * broken: every prompt of these people has one outcome and the right charge, and nothing is left open.
 */
export async function theAftermath(
  what: string,
  scene: Scene,
  sent: readonly Sent[],
  { before = [], watchers = [], note }: Around = {},
): Promise<Aftermath> {
  const began = performance.now();
  const all = [...before, ...sent];
  let found = await look(scene, all, watchers);
  while (Object.values(found.wrong).some(Boolean) && performance.now() - began < AT_REST_MS_MAX) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    found = await look(scene, all, watchers);
  }
  const { wrong } = found;
  const earlier = new Set(before.map(({ prompt }) => prompt.id));
  const rows = found.rows.filter((row) => !earlier.has(row.prompt_id));
  const outcomes: Record<string, number> = {};
  for (const { status } of rows) outcomes[status ?? 'none'] = (outcomes[status ?? 'none'] ?? 0) + 1;
  const takenOver = rows.filter(({ attempt }) => (attempt ?? 0) > 1).length;
  const replies = rows.filter((row) => !isOwed(row)).length;
  const how = Object.entries(outcomes).map(([status, number]) => `${number} ${status}`);
  process.stdout.write(
    `${what}: ${sent.length} prompts, ${replies} replies (${how.join(', ')}), ${wrong.duplicates} duplicates, ` +
      `${wrong.losses} losses; ${takenOver} in more than one attempt, ${watchers.length} streams watched, ` +
      `${note === undefined ? '' : `${note}, `}at rest after ${Math.round(performance.now() - began)} ms\n`,
  );
  expect(wrong).toEqual({
    ...{ duplicates: 0, losses: 0, charges: 0, usage: 0, openStreams: 0, jobs: 0, watchers: 0 },
  });
  return { rows, outcomes, takenOver };
}

/** A client of the stream of a reply. */
export interface Watched {
  sent: Sent;
  watcher: Watcher;
}

async function look(
  scene: Scene,
  sent: readonly Sent[],
  watchers: readonly Watched[],
): Promise<{ rows: Row[]; wrong: Wrong }> {
  const users = [...new Map(sent.map(({ user }) => [user.id, user])).values()];
  const { rows } = await scene.database.query<Row>(PROMPTS, [users.map(({ id }) => id)]);
  const stored = new Map(rows.map((row) => [row.prompt_id, row]));
  const accepted = new Set(sent.map(({ prompt }) => prompt.id));
  const redis = openRedis(scene.redisUrl);
  try {
    const final = rows.filter((row) => !isOwed(row));
    const told = await Promise.all(users.map(({ id, token }) => wrongUsage(scene, redis, token, rows, id)));
    const wrong = {
      duplicates: rows.length - accepted.size,
      losses: [...accepted].filter((id) => isOwed(stored.get(id) ?? ({ status: null } as Row))).length,
      charges: rows.filter((row) => row.charged !== isAnswered(row)).length + count(told, 'charges'),
      usage: count(told, 'usage'),
      openStreams: await openStreams(redis, final),
      jobs: await jobs(redis),
      watchers: watchers.filter(({ sent: { prompt }, watcher }) => !saw(watcher, stored.get(prompt.id)))
        .length,
    };
    return { rows, wrong };
  } finally {
    redis.disconnect();
  }
}

const count = <K extends string>(from: Record<K, number>[], key: K): number =>
  from.reduce((total, one) => total + one[key], 0);

/** Asks the API first: what is lost in Redis is filled again when somebody asks. */
async function wrongUsage(
  scene: Scene,
  redis: Redis,
  token: string,
  rows: readonly Row[],
  userId: string,
): Promise<{ charges: number; usage: number }> {
  const answer = await scene.api.get<{ used: number; resetAt: string }>('/v1/users/me/usage', { token });
  // Asked again: it may be a while until an outage is over.
  if (answer.status === 503) return { charges: 0, usage: 1 };
  expect(answer).toMatchObject({ status: 200 });
  const { body } = answer;
  const today = dayOf(Date.parse(body.resetAt) - 1);
  const charged = rows.filter((row) => row.user_id === userId && row.charged).map((row) => row.prompt_id);
  const days = new Set([today, ...charged.map(dayOfPrompt)]);
  const wrong = { charges: 0, usage: 0 };
  for (const day of days) {
    const members = await redis.zrange(`usage:{${userId}}:${day}`, '0', '-1', 'WITHSCORES');
    const scores = new Map(
      members.flatMap((id, n) => (n % 2 === 0 && id !== '' ? [[id, members[n + 1]]] : [])),
    );
    const confirmed = [...scores].flatMap(([id, score]) => (score === 'inf' ? [id] : []));
    const stored = charged.filter((id) => dayOfPrompt(id) === day);
    wrong.charges += stored.filter((id) => !confirmed.includes(id)).length;
    wrong.charges += confirmed.filter((id) => !stored.includes(id)).length;
    // A request that was cut off keeps its reservation for a minute.
    const reserved = scores.size - confirmed.length;
    if (day === today) wrong.usage += Number(body.used !== stored.length + reserved);
  }
  return wrong;
}

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);
/** The UTC day in a UUIDv7: its first 48 bits are milliseconds. */
const dayOfPrompt = (id: string): string => dayOf(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16));

async function openStreams(redis: Redis, final: readonly Row[]): Promise<number> {
  const last = await Promise.all(
    final.map(({ reply_id }) => redis.xrevrange(keys.replyStream(reply_id ?? ''), '+', '-', 'COUNT', 1)),
  );
  return last.filter(([entry]) => entry !== undefined && !entry[1].includes('final')).length;
}

async function jobs(redis: Redis): Promise<number> {
  const queue = new Queue('replies', { connection: redis, prefix: '{queue}' });
  const counts = await queue.getJobCounts();
  return Object.values(counts).reduce((total, number) => total + number, 0);
}

function saw(watcher: Watcher, row: Row | undefined): boolean {
  if (watcher.final === undefined || row === undefined) return false;
  return watcher.final.event === 'error' ? !isAnswered(row) : watcher.shown === row.content;
}

/** Every final reply and every charge of these people as bytes: nothing may ever change them. */
export async function finalRows(database: Pool, sent: readonly Sent[]): Promise<string[]> {
  const { rows } = await database.query<{ row: string }>(
    `SELECT m::text AS row FROM messages m WHERE user_id = ANY($1) AND finished_at IS NOT NULL
     UNION ALL SELECT c::text FROM prompt_charges c WHERE user_id = ANY($1) ORDER BY 1`,
    [[...new Set(sent.map(({ user }) => user.id))]],
  );
  return rows.map(({ row }) => row);
}

/** What a client is told once every reservation has ended: nothing but the answers. */
export async function expectUsedIsAnswered(api: Api, database: Pool, sent: readonly Sent[]): Promise<void> {
  for (const user of new Map(sent.map((one) => [one.user.id, one.user])).values()) {
    const { rowCount } = await database.query('SELECT 1 FROM prompt_charges WHERE user_id = $1', [user.id]);
    await until(
      'the reservations have ended',
      async () => {
        const { body } = await api.get<{ used: number }>('/v1/users/me/usage', { token: user.token });
        return body.used === rowCount;
      },
      5000,
    );
  }
}
