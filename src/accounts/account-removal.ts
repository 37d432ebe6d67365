import { Injectable } from '@nestjs/common';
import { CustomerEnd } from '../billing/customer-end.js';
import { Env } from '../config/env.js';
import { AbandonedReplies } from './abandoned-replies.js';
import { AccountDeletionsRepository } from './account-deletions.repository.js';
import { AccountRowsRepository, PERSONAL_TABLES, type PersonalTable } from './account-rows.repository.js';
import { AccountTraces } from './account-traces.js';

/**
 * Removes everything of a person whose account is being deleted. Every step can be repeated, and so can the whole: who
 * takes over after a crash begins at the beginning, and finds little left to do.
 *
 * Replies first, because somebody may be writing and watching them now. Then Stripe, while the row is there that says
 * who the customer is. Then the rows, in batches, so that no statement holds locks for long. Then Redis, after whatever
 * could fill its caches again. Last, in one transaction, the account and the word that it is to be removed.
 */
@Injectable()
export class AccountRemoval {
  constructor(
    private readonly env: Env,
    private readonly deletions: AccountDeletionsRepository,
    private readonly replies: AbandonedReplies,
    private readonly rows: AccountRowsRepository,
    private readonly traces: AccountTraces,
    private readonly customer: CustomerEnd,
  ) {}

  /** @returns false when it was told to stop, or there is more to do: to be called again */
  async run(userId: string, stopping: AbortSignal): Promise<boolean> {
    await this.deletions.enter(userId, 'replies');
    await this.replies.end(userId);
    await this.deletions.enter(userId, 'stripe');
    await this.customer.run(userId);
    await this.deletions.enter(userId, 'rows');
    for (const table of PERSONAL_TABLES) if (!(await this.removeRows(userId, table, stopping))) return false;
    await this.deletions.enter(userId, 'redis');
    await this.traces.forgetPerson(userId);
    await this.deletions.enter(userId, 'account');
    return this.rows.removeAccount(userId);
  }

  /** False when it was told to stop. */
  private async removeRows(userId: string, table: PersonalTable, stopping: AbortSignal): Promise<boolean> {
    let after: string | null = null;
    do {
      if (stopping.aborted) return false;
      const gone = await this.rows.removeBatch(userId, table, after, this.env.ACCOUNT_DELETION_BATCH);
      if (table.table === 'chatrooms') await this.traces.forgetRooms(gone);
      after = gone.at(-1) ?? null;
    } while (after !== null);
    return true;
  }
}
