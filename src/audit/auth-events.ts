import { Inject, Injectable, Logger } from '@nestjs/common';
import { addressBlock } from '../common/address-block.js';
import type { Client } from '../common/client.js';
import { newId } from '../common/id.js';
import { Cursors } from '../common/pagination.js';
import type { PageQuery } from '../common/page.request.js';
import { Rate } from '../config/env/rate.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { takeOne } from '../redis/sliding-window.js';
import { UsersRepository } from '../users/users.repository.js';
import type { AuthEventKind, AuthMethod } from './auth-event.entity.js';
import { AuthEventsRepository } from './auth-events.repository.js';
import { AuthEventPageResponse } from './dto/auth-event.response.js';

/** Who hammers at an account does not fill the table: failures that are alike, and all of one person, that are noted. */
const ALIKE = Rate.listOf('1/1m');
const ALL = Rate.listOf('30/1h');

/** Whom a failure concerns; an account with that number, if there is one. */
type Whom = { userId: string } | { mobile: string };

/** What happened to a person's way in, for the person to read. */
@Injectable()
export class AuthEvents {
  private readonly logger = new Logger('AuthEvents');

  constructor(
    private readonly events: AuthEventsRepository,
    private readonly cursors: Cursors,
    private readonly users: UsersRepository,
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  /**
   * Notes an attempt that failed, unless enough are noted. Begins once the answer is on its way: a request takes as long
   * for a number that has an account as for one that has none. Never throws: what cannot be written is in the log. What
   * succeeds is noted in its own transaction, with `SessionChange.record`.
   */
  recordFailure(whom: Whom, client: Client, kind: AuthEventKind, method: AuthMethod): void {
    setImmediate(() => {
      this.addFailure(whom, client, kind, method).catch((err: unknown) => {
        this.logger.warn({ err, kind, ip: client.ip }, 'An event could not be recorded');
      });
    });
  }

  async list(userId: string, { limit, cursor }: PageQuery): Promise<AuthEventPageResponse> {
    const list = `auth-events:${userId}`;
    const [before] = cursor === undefined ? [] : this.cursors.decode(list, cursor);
    const rows = await this.events.list(userId, limit, before);
    return AuthEventPageResponse.from(this.cursors.page(list, rows, limit, (event) => [event.id]));
  }

  private async addFailure(
    whom: Whom,
    client: Client,
    kind: AuthEventKind,
    method: AuthMethod,
  ): Promise<void> {
    const userId = 'userId' in whom ? whom.userId : (await this.users.findByMobile(whom.mobile))?.id;
    if (userId === undefined || !(await this.isWanted(userId, client, kind, method))) return;
    await this.events.addFailure(userId, client, kind, method);
  }

  private async isWanted(userId: string, client: Client, kind: string, method: string): Promise<boolean> {
    const [id, alike] = [newId(), `${kind}:${method}:${addressBlock(client.ip)}`];
    return (
      (await takeOne(this.redis, keys.failuresAlike(userId, alike), id, ALIKE)) === 0 &&
      (await takeOne(this.redis, keys.failures(userId), id, ALL)) === 0
    );
  }
}
