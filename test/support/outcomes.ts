import { expect } from '@jest/globals';
import type { Pool } from 'pg';
import type { Accepted } from './factories.js';
import { until } from './until.js';

interface ReplyRow {
  status: string;
  content: string;
  error_code: string | null;
  finish_reason: string | null;
  attempt: number;
  finished_at: Date | null;
}

/** The one row of a reply, as it is stored. */
export async function replyRow(database: Pool, { prompt }: Accepted): Promise<ReplyRow> {
  const { rows } = await database.query<ReplyRow>(
    `SELECT status, content, error_code, finish_reason, attempt, finished_at FROM messages WHERE prompt_id = $1`,
    [prompt.id],
  );
  expect(rows).toHaveLength(1);
  return rows[0] as ReplyRow;
}

/** The row of a reply once it is final, whoever wrote it. */
export function finalReplyRow(database: Pool, accepted: Accepted): Promise<ReplyRow> {
  return until('the reply is final', async () => {
    const row = await replyRow(database, accepted);
    return row.finished_at !== null && row;
  });
}

export async function isCharged(database: Pool, { prompt }: Pick<Accepted, 'prompt'>): Promise<boolean> {
  const { rowCount } = await database.query('SELECT 1 FROM prompt_charges WHERE id = $1', [prompt.id]);
  return rowCount === 1;
}

/** Exactly one answer, exactly one charge. */
export async function expectAnsweredOnce(database: Pool, accepted: Accepted): Promise<void> {
  const row = await finalReplyRow(database, accepted);
  expect(row).toMatchObject({ status: 'completed', error_code: null });
  expect(row.content).toContain('You said');
  expect(await isCharged(database, accepted)).toBe(true);
}
