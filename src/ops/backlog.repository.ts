import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** So many rows are counted at most: a scrape must cost little when most is wrong. */
const COUNTED_MAX = 100_000;

/** What is owed to people and was not done yet. Ages are in seconds, 0 where nothing is owed. */
export interface Backlog {
  replies: number;
  oldestReplyAge: number;
  pendingEvents: number;
  oldestEventAge: number;
  failedEvents: number;
}

interface BacklogRow {
  replies: number;
  reply_age: number | null;
  pending: number;
  pending_age: number | null;
  failed: number;
}

/** Postgres' own word on what is left to do, whatever Redis has forgotten. */
@Injectable()
export class BacklogRepository {
  constructor(private readonly database: DataSource) {}

  /** One statement, in the partial indexes of what is unfinished. With more than are counted, the oldest is of those. */
  async read(): Promise<Backlog> {
    const [row] = await this.database.query<BacklogRow[]>(
      `WITH owed AS (
         SELECT created_at FROM messages WHERE status IN ('pending', 'streaming') LIMIT ${COUNTED_MAX}
       ), event AS (
         SELECT status, received_at FROM stripe_events WHERE status IN ('pending', 'failed') LIMIT ${COUNTED_MAX}
       ), pending AS (
         SELECT received_at FROM event WHERE status = 'pending'
       )
       SELECT (SELECT count(*)::int FROM owed) AS replies,
         (SELECT extract(epoch FROM now() - min(created_at))::float8 FROM owed) AS reply_age,
         (SELECT count(*)::int FROM pending) AS pending,
         (SELECT extract(epoch FROM now() - min(received_at))::float8 FROM pending) AS pending_age,
         (SELECT count(*)::int FROM event WHERE status = 'failed') AS failed`,
    );
    return {
      replies: row?.replies ?? 0,
      oldestReplyAge: Math.max(0, row?.reply_age ?? 0),
      pendingEvents: row?.pending ?? 0,
      oldestEventAge: Math.max(0, row?.pending_age ?? 0),
      failedEvents: row?.failed ?? 0,
    };
  }
}
