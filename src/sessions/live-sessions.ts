import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { isConnectionFailure } from '../common/connection-failure.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { RedisScript } from '../redis/redis-script.js';
import { SessionsRepository } from './sessions.repository.js';

/** What a copy says. */
export const LIVE = 'live';

/**
 * Longest that a copy is believed. No figure of the protocol below: it bounds what a Redis can do that comes back from a
 * crash with what it had a second before, or is replaced by a replica that lags behind.
 */
const COPY_MS_MAX = 60_000;

/** Longer than a statement on Postgres may take (15 s). A lease that ran out costs a copy, nothing else. */
const LEASE_MS = 30_000;

/** Writes the copy if the lease is still there. */
const COPY = new RedisScript<number>(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`);

/**
 * Which sessions are live, asked at every request: copies in Redis of what Postgres knows, one GET each. Without Redis
 * the answer is in Postgres, so a dead or empty Redis signs nobody out and brings no ended session back.
 *
 * No copy outlives its session, whatever dies when, because a copy is written like this:
 *   1. a lease with a name of its own is put in the place of the copy
 *   2. the row is read under a lock (FOR KEY SHARE) that waits for who is deleting it
 *   3. the copy is written where that lease still is
 * and a session ends like this, in one transaction: its row is deleted, then `forget`, then commit. So who read before
 * the row was deleted holds a lease that `forget` takes away, or has written a copy that `forget` takes away; who reads
 * later waits for the commit and finds nothing. `forget` fails and nothing has ended, or the commit fails and nothing
 * has ended and the copies are made anew.
 */
@Injectable()
export class LiveSessions {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly sessions: SessionsRepository,
  ) {}

  async isLive(userId: string, sessionId: string): Promise<boolean> {
    const key = keys.session(userId, sessionId);
    const copy = await this.ifReachable(() => this.redis.get(key));
    if (copy === LIVE) return true;
    const lease = copy === null && (await this.lease(key));
    if (!lease) return (await this.sessions.findTimeLeft(userId, sessionId)) > 0;
    const timeLeft = await this.sessions.findTimeLeft(userId, sessionId, { waitForEnd: true });
    if (timeLeft <= 0) return false;
    const copyFor = Math.ceil(Math.min(timeLeft, COPY_MS_MAX));
    await this.ifReachable(() => COPY.run(this.redis, [key], [lease, LIVE, copyFor]));
    return true;
  }

  /**
   * To be called in the transaction that ends sessions, after their rows were deleted and before the commit.
   *
   * @throws when Redis cannot be reached: the transaction is to be rolled back, or copies would outlive their sessions
   */
  async forget(userId: string, sessionIds: readonly string[]): Promise<void> {
    if (sessionIds.length === 0) return;
    await this.redis.del(sessionIds.map((id) => keys.session(userId, id)));
  }

  /** Null while somebody else has one, or there is no Redis. */
  private async lease(key: string): Promise<string | null> {
    const name = randomUUID();
    const taken = await this.ifReachable(() => this.redis.set(key, name, 'PX', LEASE_MS, 'NX'));
    return taken === 'OK' ? name : null;
  }

  /** `undefined` when Redis cannot be reached. */
  private async ifReachable<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (isConnectionFailure(error)) return undefined;
      throw error;
    }
  }
}
