import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { firstIdAt } from '../common/id.js';

/**
 * Where a person's rows are, in an order in which no foreign key takes more than a batch along, with the other part of
 * each primary key. The row of `subscriptions` is not among them: it goes when Stripe has ended what it stands for.
 */
export const PERSONAL_TABLES = [
  { table: 'messages', key: 'id' },
  { table: 'chatrooms', key: 'id' },
  { table: 'prompt_charges', key: 'id' },
  { table: 'idempotency_keys', key: 'key' },
  { table: 'auth_events', key: 'id' },
  { table: 'sessions', key: 'id' },
] as const;
export type PersonalTable = (typeof PERSONAL_TABLES)[number];

/** Streams of replies live for minutes; a reply that began longer ago than this has none that somebody reads. */
const STREAMED_WITHIN_MS = 86_400_000;

/** All rows of one person whose account is being removed, whichever feature they belong to. */
@Injectable()
export class AccountRowsRepository {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /**
   * Ends the replies that are owed, and fences off who writes them. Returns all whose text may still be in a stream,
   * those too that an earlier call has ended.
   */
  async abandonReplies(userId: string): Promise<string[]> {
    const [abandoned] = await this.database.query<[{ id: string }[], number]>(
      `UPDATE messages SET status = 'cancelled', content = '', attempt = attempt + 1, finished_at = now()
        WHERE user_id = $1 AND status IN ('pending', 'streaming') RETURNING id`,
      [userId],
    );
    const recent = await this.database.query<{ id: string }[]>(
      `SELECT id FROM messages WHERE user_id = $1 AND id >= $2 AND role = 'model'`,
      [userId, firstIdAt(Date.now() - STREAMED_WITHIN_MS)],
    );
    return [...new Set([...abandoned, ...recent].map(({ id }) => id))];
  }

  /**
   * Removes the next rows after a key, in the order of keys: so no batch walks over what those before it have left for
   * the vacuum.
   *
   * @returns the keys of what is gone, the highest last
   */
  async removeBatch(
    userId: string,
    { table, key }: PersonalTable,
    after: string | null,
    limit: number,
  ): Promise<string[]> {
    const rows = await this.database.query<{ key: string }[]>(
      `WITH gone AS (
         DELETE FROM ${table} WHERE user_id = $1 AND ${key} IN (
           SELECT ${key} FROM ${table}
            WHERE user_id = $1 ${after === null ? '' : `AND ${key} > $3`} ORDER BY ${key} LIMIT $2)
         RETURNING ${key} AS key)
       SELECT key FROM gone ORDER BY key`,
      [userId, limit, ...(after === null ? [] : [after])],
    );
    return rows.map((row) => row.key);
  }

  /**
   * Removes the account and the word that it is to be removed: the last of it. False, and nothing is done, while there is
   * a customer at Stripe to end: a checkout that was under way may have made one.
   */
  removeAccount(userId: string): Promise<boolean> {
    return this.database.transaction(async (manager) => {
      // Keeps out whatever would refer to the account from here on.
      await manager.query('SELECT FROM users WHERE id = $1 FOR UPDATE', [userId]);
      const customer = await manager.query<unknown[]>('SELECT FROM subscriptions WHERE user_id = $1', [
        userId,
      ]);
      if (customer.length > 0) return false;
      await manager.query('DELETE FROM users WHERE id = $1', [userId]);
      await manager.query('DELETE FROM account_deletions WHERE user_id = $1', [userId]);
      return true;
    });
  }
}
