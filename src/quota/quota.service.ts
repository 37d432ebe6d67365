import { Inject, Injectable } from '@nestjs/common';
import { firstIdAt, idTime } from '../common/id.js';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { RedisScript } from '../redis/redis-script.js';
import type { Tier } from '../users/user.entity.js';
import { QuotaRepository } from './quota.repository.js';

const DAY_MS = 86_400_000;
/** Longer than any request takes; a reservation whose process died is given back after it. */
const RESERVATION_MS = 60_000;
/** A day's key is kept a little beyond its day, for replies that are in flight at midnight. */
const KEEP_MS = 2 * DAY_MS;

export interface QuotaState {
  used: number;
  /** Null: unlimited. */
  limit: number | null;
  /** Next midnight, UTC. */
  resetAt: Date;
}

/** What a prompt is charged as, once it is stored. */
export interface Charge {
  /** A new prompt is stored under it, too. */
  id: string;
  /** Charges that a Basic person may have on the day of this one, which ends at `resetAt`; null: as many as they like. */
  limit: number | null;
  resetAt: Date;
}

export interface Reservation extends QuotaState {
  accepted: boolean;
}

/**
 * KEYS: the day's set. ARGV: prompt id ('' only counts), limit (-1: none), now, reservation end. Members are prompt
 * ids; the score is when the reservation ends, or inf once it is confirmed. The member '' marks that the set was
 * filled from Postgres. Returns {found, accepted, used}.
 */
const RESERVE = new RedisScript<[found: number, accepted: number, used: number]>(`
if redis.call('ZSCORE', KEYS[1], '') == false then return {0, 0, 0} end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
local used = redis.call('ZCARD', KEYS[1]) - 1
if ARGV[1] == '' then return {1, 1, used} end
if tonumber(ARGV[2]) >= 0 and used >= tonumber(ARGV[2]) then return {1, 0, used} end
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
return {1, 1, used + 1}`);

/** KEYS: the day's set. ARGV: when it ends (epoch ms), then prompt ids that are charged. Adds to what is there. */
const ADD = new RedisScript<number>(`
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'inf', ARGV[i]) end
return redis.call('PEXPIREAT', KEYS[1], ARGV[1])`);
/** With the charged prompts of the day: the set is whole. */
const FILLED = '';

/**
 * KEYS: the day's set. ARGV: an id, then the charged prompt ids. Makes the confirmed members agree with Postgres; those
 * from that id on are left alone, because their requests may still be under way. A set that is lost is left to who fills
 * it, and gives it an end.
 */
const RECONCILE = new RedisScript<number>(`
if redis.call('ZSCORE', KEYS[1], '') == false then return 0 end
local charged = {}
for i = 2, #ARGV do charged[ARGV[i]] = true end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], 'inf', 'inf')) do
  if id ~= '' and id < ARGV[1] and not charged[id] then redis.call('ZREM', KEYS[1], id) end
end
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'inf', ARGV[i]) end
return 1`);

/**
 * The daily prompt quota. Postgres (`prompt_charges`) says what was charged; the sorted set of the day in Redis makes
 * the decision atomic and is filled again from Postgres when it is lost. All operations are idempotent by prompt id,
 * and a prompt belongs to the UTC day in its id whenever its reply comes. Should Redis have missed a word while it was
 * away, it is corrected before anybody is refused or told a number.
 */
@Injectable()
export class QuotaService {
  constructor(
    private readonly env: Env,
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly charges: QuotaRepository,
  ) {}

  /** @param id made now */
  charge(id: string): Charge {
    return { id, limit: this.env.BASIC_DAILY_PROMPTS, resetAt: dayEnd(idTime(id)) };
  }

  /** Takes one prompt of a Basic person's day, or finds the limit reached. */
  async reserve(userId: string, chargeId: string): Promise<Reservation> {
    const at = idTime(chargeId);
    const reservation = await this.decide(userId, 'basic', at, chargeId);
    if (reservation.accepted) return reservation;
    await this.reconcile(userId, at);
    return this.decide(userId, 'basic', at, chargeId);
  }

  async state(userId: string, tier: Tier, now = Date.now()): Promise<QuotaState> {
    if (tier !== 'pro') await this.reconcile(userId, now);
    const { used, limit, resetAt } = await this.decide(userId, tier, now, '');
    return { used, limit, resetAt };
  }

  /** The prompt is stored: from here on only a refund gives it back. */
  async confirm(userId: string, chargeId: string): Promise<void> {
    const at = idTime(chargeId);
    // Also where the set was lost: whoever fills it may have looked before this prompt was stored.
    await ADD.run(this.redis, [dayKey(userId, at)], [dayStart(at) + KEEP_MS, chargeId]);
  }

  /** Gives the prompt back: it was not stored, or its reply failed. */
  async release(userId: string, chargeId: string): Promise<void> {
    await this.redis.zrem(dayKey(userId, idTime(chargeId)), chargeId);
  }

  private async reconcile(userId: string, at: number): Promise<void> {
    const day = dayStart(at);
    const charged = await this.charges.chargeIds(userId, day, day + DAY_MS);
    await RECONCILE.run(this.redis, [dayKey(userId, at)], [firstIdAt(Date.now() - SETTLED_MS), ...charged]);
  }

  private async decide(userId: string, tier: Tier, at: number, chargeId: string): Promise<Reservation> {
    const limit = tier === 'pro' ? null : this.env.BASIC_DAILY_PROMPTS;
    const day = dayStart(at);
    const key = dayKey(userId, at);
    const now = Date.now();
    const args = [chargeId, limit ?? -1, now, now + RESERVATION_MS] as const;
    let [found, accepted, used] = await RESERVE.run(this.redis, [key], args);
    if (!found) {
      const charged = await this.charges.chargeIds(userId, day, day + DAY_MS);
      await ADD.run(this.redis, [key], [day + KEEP_MS, FILLED, ...charged]);
      [found, accepted, used] = await RESERVE.run(this.redis, [key], args);
      if (!found) throw new Error('Redis lost the quota twice within one request');
    }
    return { accepted: accepted === 1, used, limit, resetAt: dayEnd(at) };
  }
}

/** Requests that are older than this have ended, ms. */
const SETTLED_MS = 60_000;

export const dayStart = (time: number): number => time - (time % DAY_MS);
/** Next midnight. */
export const dayEnd = (time: number): Date => new Date(dayStart(time) + DAY_MS);

function dayKey(userId: string, time: number): string {
  return keys.usage(userId, new Date(time).toISOString().slice(0, 10));
}
