import { Injectable, Logger } from '@nestjs/common';
import type { Client } from '../common/client.js';
import { Cursors } from '../common/pagination.js';
import type { PageQuery } from '../common/page.request.js';
import type { AuthEventKind } from './auth-event.entity.js';
import { type AuthEventDetails, AuthEventsRepository } from './auth-events.repository.js';
import { AuthEventPageResponse } from './dto/auth-event.response.js';

/** Who hammers at an account from one address leaves a row a minute, and does not fill the table. */
const ALIKE_MS = 60_000;

/** What happened to a person's way in, for the person to read. */
@Injectable()
export class AuthEvents {
  private readonly logger = new Logger('AuthEvents');

  constructor(
    private readonly events: AuthEventsRepository,
    private readonly cursors: Cursors,
  ) {}

  /**
   * Notes an attempt that failed. Returns at once: a request takes as long for a number that has an account as for one
   * that has none. Never throws: what cannot be written is in the log. What succeeds is noted in its own transaction,
   * with `SessionChange.record`.
   */
  recordFailure(userId: string, client: Client, kind: AuthEventKind, details: AuthEventDetails = {}): void {
    this.events.addFailure(userId, client, kind, details, ALIKE_MS).catch((err: unknown) => {
      this.logger.warn({ err, userId, kind, ip: client.ip }, 'An event could not be recorded');
    });
  }

  async list(userId: string, { limit, cursor }: PageQuery): Promise<AuthEventPageResponse> {
    const list = `auth-events:${userId}`;
    const [before] = cursor === undefined ? [] : this.cursors.decode(list, cursor);
    const rows = await this.events.list(userId, limit, before);
    return AuthEventPageResponse.from(this.cursors.page(list, rows, limit, (event) => [event.id]));
  }
}
