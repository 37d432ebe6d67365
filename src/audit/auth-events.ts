import { randomInt } from 'node:crypto';
import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
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
import { type AuthFailure, AuthEventsRepository } from './auth-events.repository.js';
import { AuthEventPageResponse } from './dto/auth-event.response.js';

/** Who hammers at an account does not fill the table: failures that are alike, and all of one person, that are noted. */
const ALIKE = Rate.listOf('1/1m');
const ALL = Rate.listOf('30/1h');

/** A failure is noted within that time, ms. */
const NOTED_WITHIN_MS = 2000;

/** Whom a failure concerns; an account with that number, if there is one. */
type Whom = { userId: string } | { mobile: string };

/** What happened to a person's way in, for the person to read. */
@Injectable()
export class AuthEvents implements BeforeApplicationShutdown {
  private readonly logger = new Logger('AuthEvents');
  private readonly unnoted = new Map<NodeJS.Timeout, () => Promise<void>>();
  private isStopping = false;

  constructor(
    private readonly events: AuthEventsRepository,
    private readonly cursors: Cursors,
    private readonly users: UsersRepository,
    @Inject(REDIS) private readonly redis: RedisClient,
  ) {}

  /**
   * Notes an attempt that failed, unless enough are noted: at a random moment soon, so that neither this answer nor the
   * next one takes longer for a number that has an account. Never throws: what cannot be written is in the log. What
   * succeeds is noted in its own transaction, with `SessionChange.record`.
   */
  recordFailure(whom: Whom, client: Client, kind: AuthEventKind, method: AuthMethod): void {
    const failure = { id: newId(), client, kind, method, at: performance.now() };
    const note = () =>
      this.addFailure(whom, failure).catch((err: unknown) => {
        this.logger.warn({ err, kind, ip: client.ip }, 'An event could not be recorded');
      });
    const delayMs = this.isStopping ? 0 : randomInt(NOTED_WITHIN_MS);
    const timer = setTimeout(() => {
      this.unnoted.delete(timer);
      void note();
    }, delayMs);
    this.unnoted.set(timer, note);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    const unnoted = [...this.unnoted];
    this.unnoted.clear();
    await Promise.all(
      unnoted.map(([timer, note]) => {
        clearTimeout(timer);
        return note();
      }),
    );
  }

  async list(userId: string, { limit, cursor }: PageQuery): Promise<AuthEventPageResponse> {
    const list = `auth-events:${userId}`;
    const [before] = cursor === undefined ? [] : this.cursors.decode(list, cursor);
    const rows = await this.events.list(userId, limit, before);
    return AuthEventPageResponse.from(this.cursors.page(list, rows, limit, (event) => [event.id]));
  }

  private async addFailure(whom: Whom, failure: AuthFailure): Promise<void> {
    const userId = 'userId' in whom ? whom.userId : (await this.users.findByMobile(whom.mobile))?.id;
    if (userId === undefined || !(await this.isWanted(userId, failure))) return;
    await this.events.addFailure(userId, failure);
  }

  private async isWanted(userId: string, { id, client, kind, method }: AuthFailure): Promise<boolean> {
    const alike = `${kind}:${method}:${addressBlock(client.ip)}`;
    return (
      (await takeOne(this.redis, keys.failuresAlike(userId, alike), id, ALIKE)) === 0 &&
      (await takeOne(this.redis, keys.failures(userId), id, ALL)) === 0
    );
  }
}
