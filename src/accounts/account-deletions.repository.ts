import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { AccountDeletion } from './account-deletion.entity.js';

/** Longest pause between two tries. */
const PAUSE_MS_MAX = 3_600_000;

/** The accounts that are being removed. Times are those of the database: one clock for all processes. */
@Injectable()
export class AccountDeletionsRepository {
  constructor(@InjectRepository(AccountDeletion) private readonly deletions: Repository<AccountDeletion>) {}

  /**
   * Notes that an account is to be removed, and takes at once what lets anybody in with it: number, password, name.
   *
   * @param manager of the transaction that also ends the person's sessions
   */
  async begin(manager: EntityManager, userId: string): Promise<void> {
    await manager.query(
      `UPDATE users SET mobile = 'deleted:' || id, password_hash = NULL, display_name = NULL, deleting_at = now()
        WHERE id = $1`,
      [userId],
    );
    await manager.insert(AccountDeletion, { userId });
  }

  /** Whether there is something to do for this account now. */
  async isDue(userId: string): Promise<boolean> {
    const rows = await this.deletions.query<unknown[]>(
      'SELECT FROM account_deletions WHERE user_id = $1 AND next_attempt_at <= now()',
      [userId],
    );
    return rows.length > 0;
  }

  /** Those whose time has come, the longest waiting first. */
  async listDue(limit: number): Promise<string[]> {
    const rows = await this.deletions.query<{ user_id: string }[]>(
      'SELECT user_id FROM account_deletions WHERE next_attempt_at <= now() ORDER BY next_attempt_at LIMIT $1',
      [limit],
    );
    return rows.map((row) => row.user_id);
  }

  async enter(userId: string, step: string): Promise<void> {
    await this.deletions.update({ userId }, { step });
  }

  /** @returns how often it has failed by now; 0 when it is done meanwhile */
  async postpone(userId: string, error: string, baseMs: number): Promise<number> {
    const [[row]] = await this.deletions.query<[{ attempts: number }[], number]>(
      `UPDATE account_deletions
          SET attempts = attempts + 1, last_error = $2,
              next_attempt_at = now() + make_interval(secs => LEAST($3 * 2 ^ LEAST(attempts, 30), $4) / 1000.0)
        WHERE user_id = $1
       RETURNING attempts`,
      [userId, error, baseMs, PAUSE_MS_MAX],
    );
    return row?.attempts ?? 0;
  }
}
