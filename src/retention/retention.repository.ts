import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { firstIdAt } from '../common/id.js';
import type { RetentionRule } from './retention-rules.js';

/** Rows that are past their time, of all people. */
@Injectable()
export class RetentionRepository {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** By the database's clock, which all processes share. */
  async now(): Promise<Date> {
    const [row] = await this.database.query<[{ now: Date }]>('SELECT now()');
    return row.now;
  }

  /**
   * Deletes up to `limit` rows from before a moment, the oldest first. Returns how many. Rows that somebody holds are
   * passed over, so it waits for nobody and may run in parallel.
   */
  async prune(rule: RetentionRule, before: Date, limit: number): Promise<number> {
    const { table, key } = rule;
    // A list of its own: where the planner looked it up once a row, more would go than `limit`.
    const [, deleted] = await this.database.query<[unknown[], number]>(
      `WITH old AS MATERIALIZED (
         SELECT ${key.join(', ')} FROM ${table} WHERE ${isOld(rule)}
          ORDER BY ${rule.age} LIMIT $2 FOR UPDATE SKIP LOCKED)
       DELETE FROM ${table} kept USING old WHERE ${key.map((column) => `kept.${column} = old.${column}`).join(' AND ')}`,
      [bound(rule, before), limit],
    );
    return deleted;
  }

  async count(rule: RetentionRule, before: Date): Promise<number> {
    const [row] = await this.database.query<[{ rows: number }]>(
      `SELECT count(*)::float8 AS rows FROM ${rule.table} WHERE ${isOld(rule)}`,
      [bound(rule, before)],
    );
    return row.rows;
  }
}

const isOld = ({ age, where = 'true' }: RetentionRule): string => `${where} AND ${age} < $1`;

const bound = ({ age }: RetentionRule, before: Date): Date | string =>
  age === 'id' ? firstIdAt(before.getTime()) : before;
